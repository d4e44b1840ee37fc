"""The part of the local API that shows and changes references: `/v1/baselines`. Changing needs a writer's credentials.

A stream is named by the query parameter `stream`, as `agent.baselines.resolve` takes it. What is asked is carried out
by the pipeline's keeper, in the pipeline's thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec
from aiohttp import web

from agent.baseline_file import MAX_BYTES
from agent.baselines import BaselineError
from agent.http_answers import decode_body, json_answer, read_body, require_writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.baseline_keeper import BaselineKeeper

T = TypeVar("T")


class BaselineAnswers(Protocol):
    """What these handlers ask of the daemon."""

    async def baselines(self, ask: Callable[[BaselineKeeper], T]) -> T:
        """Have the keeper asked in its own thread. Raises BaselineError."""
        ...


class AcceptRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/baselines/accept."""

    learn: bool = False


def baseline_routes(answers: BaselineAnswers) -> list[web.RouteDef]:
    """Give the routes of this part."""
    api = _BaselineApi(answers)
    return [
        web.get("/v1/baselines", api.show),
        web.get("/v1/baselines/export", api.export),
        web.post("/v1/baselines/accept", api.accept),
        web.post("/v1/baselines/reset", api.reset),
        web.post("/v1/baselines/import", api.take),
    ]


class _BaselineApi:
    def __init__(self, answers: BaselineAnswers) -> None:
        self._answers = answers

    async def show(self, request: web.Request) -> web.Response:
        return json_answer(await self._ask(request, lambda keeper, name: keeper.show(name)))

    async def export(self, request: web.Request) -> web.Response:
        data = await self._ask(request, lambda keeper, name: keeper.export(name))
        return web.Response(body=data, content_type="application/octet-stream")

    async def accept(self, request: web.Request) -> web.Response:
        by = require_writer(request)
        body: AcceptRequest = decode_body(await request.read(), AcceptRequest)
        return json_answer(await self._ask(request, lambda keeper, name: keeper.accept(name, learn=body.learn, by=by)))

    async def reset(self, request: web.Request) -> web.Response:
        by = require_writer(request)
        return json_answer(await self._ask(request, lambda keeper, name: keeper.reset(name, by=by)))

    async def take(self, request: web.Request) -> web.Response:
        by = require_writer(request)
        data = await read_body(request, MAX_BYTES, "the file")
        return json_answer(await self._ask(request, lambda keeper, name: keeper.take(name, data, by=by)))

    async def _ask(self, request: web.Request, what: Callable[[BaselineKeeper, str], Any]) -> Any:
        name = request.query.get("stream", "")
        try:
            return await self._answers.baselines(lambda keeper: what(keeper, name))
        except BaselineError as error:
            raise web.HTTPConflict(text=str(error)) from error
