"""The part of the local API that takes labels: POST /v1/labels. Needs a writer's credentials.

The answer comes when the labels are found, compared and durable; each is then counted in it once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Protocol

import msgspec
from aiohttp import web
from driftline.ids import number_of

from agent.http_answers import decode_body, json_answer, read_body, require_writer
from agent.model import Label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.truth import LabelSummary

MAX_LABELS = 5_000  # a request: the agent looks each of them up before it answers, and does nothing else meanwhile
MAX_BYTES = 1 << 20

Text = Annotated[str, msgspec.Meta(max_length=512)]


class LabelAnswers(Protocol):
    """What this handler asks of the daemon."""

    async def label(self, labels: Sequence[Label]) -> LabelSummary:
        """Take labels in, durable when this returns. Raises OSError where they cannot be."""
        ...


class LabelItem(msgspec.Struct, forbid_unknown_fields=True):
    """One label: the id of an inference, the number or name of the right class or the right value, and the model."""

    id: Text | int
    truth: Text | float
    model: Text = ""


class LabelRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/labels."""

    labels: Annotated[list[LabelItem], msgspec.Meta(max_length=MAX_LABELS)]


def label_routes(answers: LabelAnswers) -> list[web.RouteDef]:
    """Give the route of this part."""

    async def take(request: web.Request) -> web.Response:
        require_writer(request)
        body: LabelRequest = decode_body(await read_body(request, MAX_BYTES, "the list of labels"), LabelRequest)
        labels = [_label(item, at) for at, item in enumerate(body.labels)]
        try:
            return json_answer(await answers.label(labels))
        except OSError as error:
            raise web.HTTPServiceUnavailable(text=f"the labels are not safe: {error}") from error

    return [web.post("/v1/labels", take)]


def _label(item: LabelItem, at: int) -> Label:
    """Check a label. Raises HTTPBadRequest."""
    try:
        number = number_of(item.id)
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"labels[{at}]: {error}") from error
    if not isinstance(item.truth, str):
        return Label(id=number, value=float(item.truth), model=item.model)
    if not item.truth.strip():
        raise web.HTTPBadRequest(text=f"labels[{at}]: the truth is empty")
    return Label(id=number, text=item.truth.strip(), model=item.model)
