from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.ports import AgentRefusedError
from agent.screen import ZOOMS, ScreenSource

if TYPE_CHECKING:
    from agent.client import AgentClient
    from tests.agent.answering import Answers
    from tests.tui.fake_source import FakeSource

CAMERA = "meter-reader@9f86d081884c"


def test_client_and_fake_are_what_the_dashboard_asks(client: AgentClient, answers: Answers) -> None:
    """Both have every call (which the type checker compares), so what a test draws an agent can answer."""
    sources: tuple[ScreenSource, ...] = (client, answers.screens.source)
    for name in ScreenSource.__dict__:
        if not name.startswith("_"):
            assert all(callable(getattr(source, name)) for source in sources), name


def test_a_stream_comes_back_as_it_was_drawn(client: AgentClient, answers: Answers) -> None:
    """Every record survives the way through JSON, at each zoom."""
    source: FakeSource = answers.screens.source
    for zoom in ZOOMS:
        assert client.stream_view(CAMERA, zoom) == source.stream_view(CAMERA, zoom)


def test_a_stream_that_is_not_there_is_named(client: AgentClient) -> None:
    """The screen can say what is gone."""
    with pytest.raises(KeyError, match="no stream has the key pump"):
        client.stream_view("pump", "1h")


def test_a_zoom_that_is_none_is_refused(client: AgentClient) -> None:
    """The refusal says what is accepted."""
    with pytest.raises(AgentRefusedError, match="accepted are 5m, 1h, 24h, 7d"):
        client.stream_view(CAMERA, "2y")  # type: ignore[arg-type]
