"""The part of the local API that hands the outbox over as a file: POST /v1/bundle, then /v1/bundle/written.

Both need a writer's credentials: what leaves in the file leaves the device, and moves the place in the queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Protocol

import msgspec
from aiohttp import web

from agent.framed_answers import framed_answer
from agent.http_answers import decode_body, json_answer, require_writer
from agent.outbound_ports import OutboxAwayError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from agent.frames import Verdict


class BundleRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/bundle. again: begin where the last bundle did."""

    again: bool = False


class WrittenRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/bundle/written: the bundle's id, and the file that holds it, for the egress ledger."""

    id: str
    file: Annotated[str, msgspec.Meta(max_length=4_096)]


class Bundling(Protocol):
    """Makes bundles."""

    def pieces(self, *, again: bool) -> AsyncGenerator[bytes | Verdict, None]:
        """Give the pieces of a bundle, and last its verdict."""
        ...

    async def written(self, bundle_id: str, file: str) -> None:
        """Settle a bundle that is safe in a file. Raises KeyError, OutboxAwayError."""
        ...

    async def key(self) -> str:
        """Return the fingerprint of the device's key. Raises OSError, ValueError."""
        ...


class BundleAnswers(Protocol):
    """What these handlers ask of the daemon."""

    @property
    def bundling(self) -> Bundling:
        """What makes bundles."""
        ...


def bundle_routes(answers: BundleAnswers) -> list[web.RouteDef]:
    """Give the routes of this part."""

    async def make(request: web.Request) -> web.StreamResponse:
        require_writer(request)
        wanted: BundleRequest = decode_body(await request.read(), BundleRequest)
        return await framed_answer(request, answers.bundling.pieces(again=wanted.again))

    async def written(request: web.Request) -> web.Response:
        require_writer(request)
        wanted: WrittenRequest = decode_body(await request.read(), WrittenRequest)
        try:
            await answers.bundling.written(wanted.id, wanted.file)
        except KeyError as error:
            raise web.HTTPConflict(text="another bundle was begun meanwhile; write this one again") from error
        except OutboxAwayError as error:
            raise web.HTTPServiceUnavailable(text=f"the place in the queue cannot be stored now: {error}") from error
        return json_answer({})

    async def key(_request: web.Request) -> web.Response:
        try:
            return json_answer({"key": await answers.bundling.key()})
        except (OSError, ValueError) as error:
            raise web.HTTPServiceUnavailable(text=f"no key: {error}") from error

    return [
        web.post("/v1/bundle", make),
        web.post("/v1/bundle/written", written),
        web.get("/v1/bundle/key", key),
    ]
