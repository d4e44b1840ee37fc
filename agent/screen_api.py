"""The part of the local API that draws, and takes what a person decides: what the dashboard asks beyond the status.

Deciding needs a writer's credentials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Protocol

import msgspec
from aiohttp import web

from agent.http_answers import decode_body, json_answer, require_writer
from agent.model import Verdict  # noqa: TC001  # msgspec resolves the annotations at run time
from agent.ports import AgentAwayError
from agent.screen import ZOOMS
from agent.verdicts import LONGEST_SNOOZE_S

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from agent.screen import Answers, Around, LogLine, StreamView, Zoom
    from agent.status import EventLine
    from agent.truth import LabelSummary

    Handler = Callable[[web.Request], Awaitable[web.Response]]

MOST_ANSWERS = 1_000
MOST_EVENTS = 10_000

Note = Annotated[str, msgspec.Meta(max_length=2_000)]


class SnoozeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/findings/ID/snooze; 0 seconds wake it."""

    seconds: Annotated[float, msgspec.Meta(ge=0, le=LONGEST_SNOOZE_S)]
    note: Note = ""


class JudgeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/findings/ID/judge."""

    verdict: Verdict
    note: Note = ""


class MarkRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/labels/mark: a stream's key, the id of an inference, and whether its answer was right."""

    stream: str
    id: Annotated[str, msgspec.Meta(max_length=512)]
    right: bool


class Screens(Protocol):
    """Answers what a screen shows. KeyError names what there is not; AgentAwayError says why nothing can be read."""

    async def stream_view(self, key: str, zoom: Zoom) -> StreamView:
        """Draw a stream over a span."""
        ...

    async def snooze(self, finding_id: str, seconds: float, note: str) -> None:
        """Let a finding that is open rest for so long."""
        ...

    async def judge(self, finding_id: str, verdict: Verdict, note: str) -> None:
        """Close a finding as what a person found it to be."""
        ...

    async def around(self, finding_id: str) -> Around:
        """Tell what is stored around a finding."""
        ...

    async def answers(self, key: str, most: int) -> Answers:
        """Return the newest recorded inferences of a stream."""
        ...

    async def mark(self, key: str, inference_id: str, *, right: bool) -> LabelSummary:
        """Tell that an answer was right, or wrong. Raises ValueError for what is no id, OSError where it is lost."""
        ...

    async def events(self, most: int) -> list[EventLine]:
        """Return the history, newest first."""
        ...

    def log(self, after: int) -> list[LogLine]:
        """Return the log's lines after a number, oldest first."""
        ...


class ScreenAnswers(Protocol):
    """What these handlers ask of the daemon."""

    @property
    def screens(self) -> Screens:
        """What answers."""
        ...


def screen_routes(answers: ScreenAnswers) -> list[web.RouteDef]:
    """Give the routes of this part."""
    api = _ScreenApi(answers)
    return [
        web.get("/v1/stream", _in_words(api.stream_view)),
        web.post("/v1/findings/{id}/snooze", _in_words(api.snooze)),
        web.post("/v1/findings/{id}/judge", _in_words(api.judge)),
        web.get("/v1/findings/{id}/around", _in_words(api.around)),
        web.get("/v1/answers", _in_words(api.answers)),
        web.post("/v1/labels/mark", _in_words(api.mark)),
        web.get("/v1/events", _in_words(api.events)),
        web.get("/v1/log", _in_words(api.log)),
    ]


class _ScreenApi:
    def __init__(self, answers: ScreenAnswers) -> None:
        self._answers = answers

    async def stream_view(self, request: web.Request) -> web.Response:
        zoom = next((one for one in ZOOMS if one == request.query.get("zoom", "1h")), None)
        if zoom is None:
            raise web.HTTPBadRequest(text=f"zoom {request.query['zoom']!r}: accepted are {', '.join(ZOOMS)}")
        return json_answer(await self._answers.screens.stream_view(request.query.get("stream", ""), zoom))

    async def snooze(self, request: web.Request) -> web.Response:
        require_writer(request)
        body: SnoozeRequest = decode_body(await request.read(), SnoozeRequest)
        await self._answers.screens.snooze(request.match_info["id"], body.seconds, body.note)
        return json_answer({})

    async def judge(self, request: web.Request) -> web.Response:
        require_writer(request)
        body: JudgeRequest = decode_body(await request.read(), JudgeRequest)
        await self._answers.screens.judge(request.match_info["id"], body.verdict, body.note)
        return json_answer({})

    async def around(self, request: web.Request) -> web.Response:
        return json_answer(await self._answers.screens.around(request.match_info["id"]))

    async def answers(self, request: web.Request) -> web.Response:
        most = _whole(request, "most", 200, MOST_ANSWERS)
        return json_answer(await self._answers.screens.answers(request.query.get("stream", ""), most))

    async def mark(self, request: web.Request) -> web.Response:
        require_writer(request)
        body: MarkRequest = decode_body(await request.read(), MarkRequest)
        try:
            return json_answer(await self._answers.screens.mark(body.stream, body.id, right=body.right))
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        except OSError as error:
            raise web.HTTPServiceUnavailable(text=f"the label is not safe: {error}") from error

    async def events(self, request: web.Request) -> web.Response:
        return json_answer(await self._answers.screens.events(_whole(request, "most", 1_000, MOST_EVENTS)))

    async def log(self, request: web.Request) -> web.Response:
        return json_answer(self._answers.screens.log(_whole(request, "after", 0, 2**63 - 1)))


def _whole(request: web.Request, name: str, default: int, most: int) -> int:
    """Read a whole number of the query, at most so large. Raises HTTPBadRequest."""
    try:
        return min(max(int(request.query.get(name, default)), 0), most)
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"{name} is a whole number: {error}") from error


def _in_words(handler: Handler) -> Handler:
    """Answer with what a screen can say where there is nothing to show."""

    async def answer(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except KeyError as error:
            named = request.match_info.get("id")
            said = str(error.args[0])
            raise web.HTTPNotFound(text=f"no finding has the id {named}" if said == named else said) from error
        except AgentAwayError as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error

    return answer
