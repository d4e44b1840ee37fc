"""The local API: HTTP on a Unix socket in the run directory. Reading is for whoever may open the socket (0660).

Writing needs the owner of the agent, root, or a member of the socket's group, by the peer's credentials that the kernel
vouches for. The handlers read records that the pipeline's thread made; they never touch its parts.
"""

from __future__ import annotations

import os
import pwd
import socket
import stat
import struct
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from aiohttp import web

from agent.client import SOCKET_NAME

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from agent.model import Finding
    from agent.status import Status

MAX_BODY_BYTES = 64 * 1024
MAX_QUERY_ROWS = 100_000
MAX_QUERY_S = 60.0
_PEER = struct.Struct("3i")  # struct ucred: pid, uid, gid


class SocketTakenError(Exception):
    """The socket cannot be used; the message names it and says why."""


class Answers(Protocol):
    """What the API asks of the daemon. Each call may be made from the event loop."""

    def status(self) -> Status | None:
        """Return the newest status, None before the first."""
        ...

    async def findings(self, *, everything: bool) -> list[Finding]:
        """Return findings, newest first."""
        ...

    async def acknowledge(self, finding_id: str, note: str) -> Finding:
        """Mark as seen. Raises KeyError."""
        ...

    async def reference(self, stream_key: str) -> bytes | None:
        """Return the stored reference of a stream, as `Reference.encode` wrote it, or None."""
        ...

    async def query(self, sql: str, row_limit: int, time_limit_s: float) -> Any:
        """Run a reading statement. Raises ValueError with what is wrong with it."""
        ...


class QueryRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/query."""

    sql: str
    row_limit: int = 1_000
    time_limit_s: float = 10.0


class AcknowledgeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/findings/ID/acknowledge."""

    note: str = ""


def claim_socket(run_dir: Path) -> socket.socket:
    """Bind the agent's socket, taking the place of one that nobody listens on. Raises SocketTakenError."""
    path = run_dir / SOCKET_NAME
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        mode = 0
    if stat.S_ISLNK(mode):
        raise SocketTakenError(f"{path} is a symbolic link; remove it: the agent follows no links in its run directory")
    if mode and not stat.S_ISSOCK(mode):
        raise SocketTakenError(f"{path} is not a socket; remove it, or choose another directory with --run")
    if mode:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
            except OSError as error:
                raise SocketTakenError(f"{path}: {error.strerror or error}") from error
            else:
                raise SocketTakenError(f"another agent is listening on {path}; choose another directory with --run")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise SocketTakenError(f"{path}: {error.strerror or error}") from error
    path.chmod(0o660)
    return listener


async def serve(listener: socket.socket, answers: Answers) -> web.AppRunner:
    """Serve the API on a bound socket; stop it with the runner's `cleanup()`."""
    application = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[_refuse_in_words])
    api = _Api(answers)
    application.add_routes(
        [
            web.get("/v1/status", api.status),
            web.get("/v1/findings", api.findings),
            web.post("/v1/findings/{id}/acknowledge", api.acknowledge),
            web.get("/v1/reference", api.reference),
            web.post("/v1/query", api.query),
        ]
    )
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    return runner


class _Api:
    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def status(self, _request: web.Request) -> web.Response:
        status = self._answers.status()
        if status is None:
            raise web.HTTPServiceUnavailable(text="the agent is starting")
        return _json(status)

    async def findings(self, request: web.Request) -> web.Response:
        return _json(await self._answers.findings(everything=request.query.get("all", "0") == "1"))

    async def acknowledge(self, request: web.Request) -> web.Response:
        _require_writer(request)
        body = _body(await request.read(), AcknowledgeRequest)
        try:
            return _json(await self._answers.acknowledge(request.match_info["id"], body.note))
        except KeyError as error:
            raise web.HTTPNotFound(text=f"no open finding has the id {request.match_info['id']}") from error

    async def reference(self, request: web.Request) -> web.Response:
        key = request.query.get("stream", "")
        stored = await self._answers.reference(key)
        if stored is None:
            raise web.HTTPNotFound(text=f"no reference is stored for {key!r}")
        return web.Response(body=stored, content_type="application/octet-stream")

    async def query(self, request: web.Request) -> web.Response:
        body = _body(await request.read(), QueryRequest)
        rows = min(max(body.row_limit, 1), MAX_QUERY_ROWS)
        seconds = min(max(body.time_limit_s, 0.1), MAX_QUERY_S)
        try:
            return _json(await self._answers.query(body.sql, rows, seconds))
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from error


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json", status=status)


def _body(raw: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(raw or b"{}", type=kind)
    except msgspec.MsgspecError as error:
        raise web.HTTPBadRequest(text=f"the request's body: {error}") from error


@web.middleware
async def _refuse_in_words(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _json({"error": error.text or error.reason}, error.status)


def _require_writer(request: web.Request) -> None:
    transport = request.transport
    peer = None if transport is None else transport.get_extra_info("socket")
    if transport is None or peer is None:
        raise web.HTTPForbidden(text="the caller cannot be identified")
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _, uid, gid = _PEER.unpack(raw)
    group = os.stat(transport.get_extra_info("sockname")).st_gid  # noqa: PTH116  # sockname is a plain string
    if uid not in {0, os.getuid()} and group not in _groups_of(uid, gid):
        raise web.HTTPForbidden(text="only the agent's user, root or the socket's group may change anything")


def _groups_of(uid: int, gid: int) -> set[int]:
    try:
        return set(os.getgrouplist(pwd.getpwuid(uid).pw_name, gid))
    except KeyError:
        return {gid}
