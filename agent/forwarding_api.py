"""The part of the local API about what leaves the device. Trying a link and sending again need a writer's credentials.

GET /v1/outbox, POST /v1/outbox/retry, GET /v1/egress, POST /v1/link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec
from aiohttp import web

from agent.http_answers import decode_body, json_answer, require_writer
from agent.outbound_ports import OutboxAwayError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from agent.forwarded import EgressLine, LinkResult, OutboxView

    Handler = Callable[[web.Request], Awaitable[web.Response]]

MOST_LINES = 10_000
LATEST_NS = 2**63 - 1  # what a time in nanoseconds is stored in


class DestinationRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of the POST routes: one destination, or all."""

    destination: str = ""


class ForwardingAnswers(Protocol):
    """What these handlers ask of the daemon. A destination that is not configured raises KeyError with those that are.

    All may raise OutboxAwayError.
    """

    async def outbox(self, destination: str) -> OutboxView:
        """Say what waits for a destination, or for all."""
        ...

    async def retry_dead(self, destination: str) -> int:
        """Queue what was refused once more; return how many parcels."""
        ...

    async def egress(self, since_ns: int, most: int) -> list[EgressLine]:
        """Return what left since then, newest first."""
        ...

    async def test_link(self, destination: str) -> list[LinkResult]:
        """Send something to a destination, or to all, and say what came back."""
        ...


def forwarding_routes(answers: ForwardingAnswers) -> list[web.RouteDef]:
    """Give the routes of this part."""

    async def outbox(request: web.Request) -> web.Response:
        return json_answer(await answers.outbox(request.query.get("destination", "")))

    async def retry(request: web.Request) -> web.Response:
        require_writer(request)
        body: DestinationRequest = decode_body(await request.read(), DestinationRequest)
        return json_answer({"queued": await answers.retry_dead(body.destination)})

    async def egress(request: web.Request) -> web.Response:
        try:
            since_ns, most = int(request.query.get("since_ns", "0")), int(request.query.get("most", "1000"))
        except ValueError as error:
            raise web.HTTPBadRequest(text=f"since_ns and most are whole numbers: {error}") from error
        if since_ns > LATEST_NS:
            raise web.HTTPBadRequest(text=f"since_ns: accepted are nanoseconds up to {LATEST_NS}")
        return json_answer(await answers.egress(max(since_ns, 0), min(max(most, 1), MOST_LINES)))

    async def link(request: web.Request) -> web.Response:
        require_writer(request)
        body: DestinationRequest = decode_body(await request.read(), DestinationRequest)
        return json_answer(await answers.test_link(body.destination))

    return [
        web.get("/v1/outbox", _in_words(outbox)),
        web.post("/v1/outbox/retry", _in_words(retry)),
        web.get("/v1/egress", _in_words(egress)),
        web.post("/v1/link", _in_words(link)),
    ]


def _in_words(handler: Handler) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except KeyError as error:
            raise web.HTTPNotFound(text=str(error.args[0])) from error
        except OutboxAwayError as error:
            raise web.HTTPServiceUnavailable(text=f"the outbox cannot be asked now: {error}") from error

    return answer
