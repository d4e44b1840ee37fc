"""What the history says of starts and stops of the agent."""

from __future__ import annotations

import msgspec
import pytest

from agent.clock import ManualClock
from agent.events import Events
from agent.guarded import Guarded
from agent.starts import STATE, Run, Starts
from tests.agent.fakes import MemoryStore


def _starts(store: MemoryStore, boot: str, guarded: Guarded | None = None, seconds: float = 0.0) -> Starts:
    clock = ManualClock(boot=boot)
    clock.advance(seconds)
    return Starts(store, Events(store, clock), clock, guarded or Guarded())


def _said(store: MemoryStore) -> list[tuple[str, str, str]]:
    return [(subject, kind, detail) for kind, subject, detail, _ in store.events]


@pytest.mark.parametrize(
    ("stopped", "boot", "said"),
    [
        (True, "boot 1", "it had been stopped"),
        (True, "boot 2", "it had been stopped, and the machine was started anew"),
        (False, "boot 1", "it had not been stopped: it was killed, or failed; the machine ran on"),
        (
            False,
            "boot 2",
            "it had not been stopped, and the machine was started anew: a power cut, a reset, or a kill before",
        ),
    ],
)
def test_a_start_tells_how_the_run_before_ended(*, stopped: bool, boot: str, said: str) -> None:
    """Whoever comes to a device learns whether its power fails."""
    store = MemoryStore()
    first = _starts(store, "boot 1")
    first.begin()
    if stopped:
        first.end()
    _starts(store, boot).begin()
    assert _said(store)[0] == ("agent", "started", "nothing is known of a run before")
    assert _said(store)[1:-1] == [("agent", "stopped", "as it was told to")] * stopped
    assert _said(store)[-1] == ("agent", "started", said)


def test_an_agent_that_is_killed_at_every_start_does_not_fill_the_history() -> None:
    """Ten starts an hour are told; then how many were not."""
    store = MemoryStore()
    for at in range(0, 3_600, 10):
        _starts(store, "boot 1", seconds=at).begin()
    assert len(_said(store)) == 10
    last = _starts(store, "boot 1", seconds=3_600)
    last.begin()
    assert _said(store)[-1][2].endswith("the machine ran on; 350 starts before it are not told")
    last.end()
    _starts(store, "boot 2").begin()
    assert [kind for _, kind, _ in _said(store)[10:]] == ["started", "stopped", "started"]


def test_another_version_is_told() -> None:
    """What changed with an update can be seen later."""
    store = MemoryStore()
    store.put_state(*STATE, msgspec.msgpack.encode(Run(boot="boot 1", version="0.0.9", stopped=True)))
    _starts(store, "boot 1").begin()
    assert "before 0.0.9" in _said(store)[-1][2]


def test_what_is_stored_and_cannot_be_read_is_as_if_nothing_were() -> None:
    """The agent starts whatever is in its files."""
    store = MemoryStore()
    store.put_state(*STATE, b"\xc1")
    _starts(store, "boot 1").begin()
    assert _said(store)[-1][2] == "nothing is known of a run before"


def test_a_store_that_cannot_be_asked_keeps_no_agent_from_starting() -> None:
    """It is told in the health of the agent's parts."""

    class Away(MemoryStore):
        def get_state(self, *_key: str) -> bytes | None:
            raise OSError("away")

    guarded = Guarded()
    _starts(Away(), "boot 1", guarded).begin()
    assert [(part.name, part.ok, part.note) for part in guarded.health()] == [("starts", False, "OSError: away")]
