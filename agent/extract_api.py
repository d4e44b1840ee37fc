"""The part of the local API that gives rows out as files: POST /v1/extract. Reading is for whoever may open the socket.

The answer is framed (`agent.frames`), since it is made while it is sent: what it is worth shows only at its end.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

import msgspec
from aiohttp import web

from agent.frames import Verdict, end, frame
from agent.http_answers import decode_body

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

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
        async with aclosing(answers.extract(wanted)) as pieces:
            async for piece in pieces:
                await response.write(end(piece) if isinstance(piece, Verdict) else frame(piece))
        await response.write_eof()
        return response

    return [web.post("/v1/extract", extract)]
