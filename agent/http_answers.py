"""What the handlers of the local API share: bodies, answers in JSON, refusals in words, and who may write.

Writing needs the owner of the agent, root, or a member of the socket's group, by the peer's credentials that the kernel
vouches for.
"""

from __future__ import annotations

import os
import pwd
import socket
import struct
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_PEER = struct.Struct("3i")  # struct ucred: pid, uid, gid


def json_answer(value: Any, status: int = 200) -> web.Response:
    """Answer with a record."""
    return web.Response(body=msgspec.json.encode(value), content_type="application/json", status=status)


def decode_body(raw: bytes, kind: Any) -> Any:
    """Read a request's body as a record. Raises HTTPBadRequest."""
    try:
        return msgspec.json.decode(raw or b"{}", type=kind)
    except msgspec.MsgspecError as error:
        raise web.HTTPBadRequest(text=f"the request's body: {error}") from error


async def read_body(request: web.Request, most: int, what: str) -> bytes:
    """Read a body of at most `most` bytes, which may be far above the bound of the other routes; `what` it holds.

    Raises HTTPRequestEntityTooLarge.
    """
    data = bytearray()
    async for piece in request.content.iter_chunked(1 << 16):
        data += piece
        if len(data) > most:
            text = f"{what} is larger than {most >> 20} MiB"
            raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=len(data), text=text)
    return bytes(data)


@web.middleware
async def refuse_in_words(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer refusals with their reason."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return json_answer({"error": error.text or error.reason}, error.status)


def require_writer(request: web.Request) -> str:
    """Return the caller's name, for the history. Raises HTTPForbidden where it may not write."""
    transport = request.transport
    peer = None if transport is None else transport.get_extra_info("socket")
    if transport is None or peer is None:
        raise web.HTTPForbidden(text="the caller cannot be identified")
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _, uid, gid = _PEER.unpack(raw)
    group = os.stat(transport.get_extra_info("sockname")).st_gid  # noqa: PTH116  # sockname is a plain string
    if uid not in {0, os.getuid()} and group not in _groups_of(uid, gid):
        raise web.HTTPForbidden(text="only the agent's user, root or the socket's group may change anything")
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _groups_of(uid: int, gid: int) -> set[int]:
    try:
        return set(os.getgrouplist(pwd.getpwuid(uid).pw_name, gid))
    except KeyError:
        return {gid}
