"""The part of the local API that draws: what the dashboard asks beyond the status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from agent.http_answers import json_answer
from agent.ports import AgentAwayError
from agent.screen import ZOOMS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from agent.screen import StreamView, Zoom

    Handler = Callable[[web.Request], Awaitable[web.Response]]


class Screens(Protocol):
    """Answers what a screen shows. KeyError names what there is not; AgentAwayError says why nothing can be read."""

    async def stream_view(self, key: str, zoom: Zoom) -> StreamView:
        """Draw a stream over a span."""
        ...


class ScreenAnswers(Protocol):
    """What these handlers ask of the daemon."""

    @property
    def screens(self) -> Screens:
        """What answers."""
        ...


def screen_routes(answers: ScreenAnswers) -> list[web.RouteDef]:
    """Give the routes of this part."""

    async def stream_view(request: web.Request) -> web.Response:
        zoom = next((one for one in ZOOMS if one == request.query.get("zoom", "1h")), None)
        if zoom is None:
            raise web.HTTPBadRequest(text=f"zoom {request.query['zoom']!r}: accepted are {', '.join(ZOOMS)}")
        return json_answer(await answers.screens.stream_view(request.query.get("stream", ""), zoom))

    return [web.get("/v1/stream", in_words(stream_view))]


def in_words(handler: Handler) -> Handler:
    """Answer with what a screen can say where there is nothing to show."""

    async def answer(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except KeyError as error:
            raise web.HTTPNotFound(text=str(error.args[0])) from error
        except AgentAwayError as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error

    return answer
