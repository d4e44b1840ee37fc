"""The part of the local API that gives rows out as files: POST /v1/extract. Whoever may open the socket may read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Protocol

import msgspec
from aiohttp import web

from agent.framed_answers import framed_answer
from agent.http_answers import decode_body

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from agent.frames import Verdict

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
        return await framed_answer(request, answers.extract(wanted))

    return [web.post("/v1/extract", extract)]
