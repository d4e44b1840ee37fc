"""The local API: HTTP on a Unix socket in the run directory. Reading is for whoever may open the socket (0660).

Writing needs the owner of the agent, root, or a member of the socket's group, by the peer's credentials that the kernel
vouches for. The handlers get records that the pipeline's thread made; they never touch its parts.
"""

from __future__ import annotations

import socket
import stat
from typing import TYPE_CHECKING, Annotated, Protocol

import msgspec
from aiohttp import web

from agent.baseline_api import BaselineAnswers, baseline_routes
from agent.bundle_api import BundleAnswers, bundle_routes
from agent.client import SOCKET_NAME
from agent.extract_api import ExtractAnswers, extract_routes
from agent.forwarding_api import ForwardingAnswers, forwarding_routes
from agent.http_answers import decode_body, json_answer, refuse_in_words, require_writer
from agent.label_api import LabelAnswers, label_routes
from agent.screen_api import ScreenAnswers, screen_routes

if TYPE_CHECKING:
    from pathlib import Path

    from agent.model import Finding
    from agent.status import Status

MAX_BODY_BYTES = 64 * 1024
MAX_QUERY_ROWS = 100_000
MAX_QUERY_S = 60.0


class SocketTakenError(Exception):
    """The socket cannot be used; the message names it and says why."""


class Answers(BaselineAnswers, LabelAnswers, ExtractAnswers, ForwardingAnswers, BundleAnswers, ScreenAnswers, Protocol):
    """What the API asks of the daemon. Each call may be made from the event loop."""

    async def status(self) -> Status | None:
        """Return the status as of now, None before the first."""
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

    async def query(self, sql: str, row_limit: int, time_limit_s: float) -> bytes:
        """Run a reading statement; return its answer as JSON. Raises ValueError with what is wrong with it."""
        ...


class QueryRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/query."""

    sql: str
    row_limit: Annotated[int, msgspec.Meta(ge=1)] = 1_000
    time_limit_s: Annotated[float, msgspec.Meta(gt=0)] = 10.0


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
    application = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[refuse_in_words])
    api = _Api(answers)
    application.add_routes(
        [
            web.get("/v1/status", api.status),
            web.get("/v1/findings", api.findings),
            web.post("/v1/findings/{id}/acknowledge", api.acknowledge),
            web.get("/v1/reference", api.reference),
            web.post("/v1/query", api.query),
            *baseline_routes(answers),
            *label_routes(answers),
            *extract_routes(answers),
            *forwarding_routes(answers),
            *bundle_routes(answers),
            *screen_routes(answers),
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
        status = await self._answers.status()
        if status is None:
            raise web.HTTPServiceUnavailable(text="the agent is starting")
        return json_answer(status)

    async def findings(self, request: web.Request) -> web.Response:
        return json_answer(await self._answers.findings(everything=request.query.get("all", "0") == "1"))

    async def acknowledge(self, request: web.Request) -> web.Response:
        require_writer(request)
        body = decode_body(await request.read(), AcknowledgeRequest)
        try:
            return json_answer(await self._answers.acknowledge(request.match_info["id"], body.note))
        except KeyError as error:
            raise web.HTTPNotFound(text=f"no open finding has the id {request.match_info['id']}") from error

    async def reference(self, request: web.Request) -> web.Response:
        key = request.query.get("stream", "")
        stored = await self._answers.reference(key)
        if not stored:
            raise web.HTTPNotFound(text=f"no reference is stored for {key!r}")
        return web.Response(body=stored, content_type="application/octet-stream")

    async def query(self, request: web.Request) -> web.Response:
        body = decode_body(await request.read(), QueryRequest)
        rows, seconds = min(body.row_limit, MAX_QUERY_ROWS), min(body.time_limit_s, MAX_QUERY_S)
        try:
            answer = await self._answers.query(body.sql, rows, seconds)
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return web.Response(body=answer, content_type="application/json")
