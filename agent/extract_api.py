"""The part of the local API that gives rows out as files: POST /v1/extract. Reading is for whoever may open the socket.

The answer is framed (`agent.frames`), since it is made while it is sent: what it is worth shows only at its end.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

import msgspec
from aiohttp import web

from agent.frames import Verdict, end, frame
from agent.http_answers import decode_body

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

LOOK_EVERY_S = 1.0  # whether the client is still there, while there is nothing to send to it
STALLED_S = 60.0  # a client that takes nothing for so long keeps others from their exports
MAX_EXTRACT_S = 6 * 3600.0  # a year of rows on a slow card; it delays nobody


class ExtractRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Body of POST /v1/extract.

    `tables` lists what can be exported from `since_ns` on; the other forms are files of one of these tables, or of the
    answer to `sql`.
    """

    form: Literal["tables", "parquet", "csv"]
    sql: str = ""
    table: str = ""
    since_ns: Annotated[int, msgspec.Meta(ge=0)] = 0
    row_limit: Annotated[int, msgspec.Meta(ge=1)] = 1_000
    time_limit_s: Annotated[float, msgspec.Meta(gt=0, le=MAX_EXTRACT_S)] = 10.0


class ExtractAnswers(Protocol):
    """What this handler asks of the daemon."""

    def extract(self, request: ExtractRequest) -> AsyncGenerator[bytes | Verdict, None]:
        """Give the pieces of an answer, and last its verdict."""
        ...


def extract_routes(answers: ExtractAnswers) -> list[web.RouteDef]:
    """Give the route of this part."""

    async def extract(request: web.Request) -> web.StreamResponse:
        wanted: ExtractRequest = decode_body(await request.read(), ExtractRequest)
        response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        # What is left unsaid to a client that went away or takes nothing is cut off, and that shows (`agent.frames`).
        with suppress(ConnectionError, TimeoutError):
            async with aclosing(answers.extract(wanted)) as pieces:
                while (piece := await _next(pieces, request)) is not None:
                    framed = end(piece) if isinstance(piece, Verdict) else frame(piece)
                    await asyncio.wait_for(response.write(framed), STALLED_S)
            await response.write_eof()
            return response
        if request.transport is not None:
            request.transport.abort()
        return response

    return [web.post("/v1/extract", extract)]


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
