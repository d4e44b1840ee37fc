"""Answers of the local API that are made while they are sent: framed (`agent.frames`), their worth shows at the end."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from aiohttp import web

from agent.frames import Verdict, end, frame

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

LOOK_EVERY_S = 1.0  # whether the client is still there, while there is nothing to send to it
STALLED_S = 60.0  # a client that takes nothing for so long keeps others from their answers


async def framed_answer(request: web.Request, pieces: AsyncGenerator[bytes | Verdict, None]) -> web.StreamResponse:
    """Send pieces as they come."""
    response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    # What is left unsaid to a client that went away or takes nothing is cut off, and that shows.
    with suppress(ConnectionError, TimeoutError):
        async with aclosing(pieces):
            while (piece := await _next(pieces, request)) is not None:
                framed = end(piece) if isinstance(piece, Verdict) else frame(piece)
                await asyncio.wait_for(response.write(framed), STALLED_S)
        await response.write_eof()
        return response
    if request.transport is not None:
        request.transport.abort()
    return response


async def _next(pieces: AsyncGenerator[bytes | Verdict, None], request: web.Request) -> bytes | Verdict | None:
    """Wait for a piece, None after the last. Raises ConnectionResetError as soon as the client is gone."""
    step = asyncio.ensure_future(_step(pieces))
    try:
        while not step.done():
            await asyncio.wait({step}, timeout=LOOK_EVERY_S)
            if not step.done() and (request.transport is None or request.transport.is_closing()):
                raise ConnectionResetError("the client has left")
        return step.result()
    finally:
        if not step.done():
            step.cancel()
            await asyncio.wait({step})


async def _step(pieces: AsyncGenerator[bytes | Verdict, None]) -> bytes | Verdict | None:
    async for piece in pieces:
        return piece
    return None
