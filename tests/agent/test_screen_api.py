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


def test_decisions_arrive_as_they_were_made(client: AgentClient, answers: Answers) -> None:
    """Snoozing, judging and marking reach the agent with all that was said."""
    client.snooze("f-0007", 7_200.0, "lens ordered")
    client.judge("f-0007", "false alarm", "it was being cleaned")
    told = client.answers(CAMERA, 3).answers
    summary = client.mark(CAMERA, told[1].id, right=False)
    source = answers.screens.source
    assert source.snoozed == [("f-0007", 7_200.0, "lens ordered")]
    assert source.judged == [("f-0007", "false alarm", "it was being cleaned")]
    assert (source.marked, summary.matched) == ([(CAMERA, told[1].id, False)], 1)


def test_what_the_agent_tells_comes_back_as_it_was(client: AgentClient, answers: Answers) -> None:
    """Rows, the surroundings of a finding, history and log survive the way through JSON."""
    source = answers.screens.source
    assert client.answers(CAMERA, 12) == source.answers(CAMERA, 12)
    assert client.around("f-0007") == source.around("f-0007")
    assert client.events(5) == source.events(5)
    assert client.log() == source.log()
    assert client.log(after=3) == source.log(3)


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/v1/findings/f-0007/snooze", b'{"seconds": -1}', "seconds"),
        ("/v1/findings/f-0007/snooze", b'{"seconds": 1e12}', "seconds"),
        ("/v1/findings/f-0007/judge", b'{"verdict": "maybe"}', "Invalid enum value 'maybe'"),
        ("/v1/labels/mark", b'{"stream": "m", "right": true}', "missing required field `id`"),
    ],
)
def test_what_is_no_decision_is_refused(client: AgentClient, path: str, body: bytes, said: str) -> None:
    """The refusal names what is wrong."""
    with pytest.raises(AgentRefusedError, match=said):
        client._ask("POST", path, body)


def test_a_finding_that_is_not_there_is_named(client: AgentClient) -> None:
    """Whatever is asked of it."""
    for ask in (
        lambda: client.judge("f-none", "real", ""),
        lambda: client.snooze("f-none", 1.0, ""),
        lambda: client.around("f-none"),
    ):
        with pytest.raises(KeyError, match="no finding has the id f-none"):
            ask()
