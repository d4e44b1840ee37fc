from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent import monitor as monitor_module
from agent.budget import AlarmsConfig
from agent.clock import ManualClock
from agent.pipeline import Pipeline
from agent.saved import MONITOR, SavedMonitor, StreamStore, decode_saved, encode_saved
from agent.saving import SAVE_STATE_NS
from tests.agent.fakes import STREAM, ListCollector, MemoryStore, PlainExplainer, block, factories

if TYPE_CHECKING:
    from agent.ports import Item

CALM = [0.0] * 10


class UnsettledStore(MemoryStore):
    """A store whose disk takes nothing."""

    settled = False

    def commit(self, *, everything: bool = True) -> None:
        """Keep waiting."""


def _pipeline(store: MemoryStore, clock: ManualClock, *rounds: list[Item]) -> Pipeline:
    return Pipeline(
        collectors=[ListCollector(*rounds)], store=store, explainer=PlainExplainer(), factories=factories(),
        clock=clock, alarms=AlarmsConfig(), commit_seconds=5.0,
    )  # fmt: skip


def _saved(store: MemoryStore) -> SavedMonitor | None:
    stored = store.get_state(STREAM.key, MONITOR)
    return None if stored is None else decode_saved(stored)


def test_a_new_reference_is_followed_by_a_save_then_rows_and_hours_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a commit always, so that the mark and the states know the same rows."""
    monkeypatch.setattr(monitor_module, "SAVE_ROWS", 30)
    store, clock = MemoryStore(), ManualClock()
    rounds: list[list[Item]] = [[block(CALM, 10 * at)] for at in range(6)]
    pipeline = _pipeline(store, clock, *rounds, [], [block(CALM[:5], 60)], [])
    seen: list[tuple[int, bytes] | None] = []
    for seconds in (5, 5, 5, 5, 5, 5, 5, 5, SAVE_STATE_NS / 1e9):
        clock.advance(seconds)
        pipeline.tick()
        saved = _saved(store)
        seen.append(None if saved is None else (saved.rows, saved.mark))
    assert seen == [(0, b"1")] * 3 + [(30, b"4")] * 5 + [(55, b"7")]


def test_states_are_not_saved_while_rows_wait_for_the_disk() -> None:
    """A state that knows rows which may be lost would have them judged twice, or never."""
    store, clock = UnsettledStore(), ManualClock()
    pipeline = _pipeline(store, clock, [block(CALM)], [block(CALM, 10)])
    for _ in range(2):
        clock.advance(5)
        pipeline.tick()
    pipeline.close()
    assert _saved(store) is None


def test_a_new_reference_has_the_next_number_and_takes_the_old_states_away() -> None:
    """States belong to the reference that they were made against."""
    store = MemoryStore()
    stream = StreamStore(store, STREAM.key)
    assert stream.keep_reference(b"one", b"rows", 0, "the stream").number == 1
    stream.put(MONITOR, b"states")
    origin = stream.keep_reference(b"two", b"rows", 10**9, "the stream", by="ada")
    assert (origin.number, origin.by, stream.origin()) == (2, "ada", origin)
    assert stream.get(MONITOR) == b""


@pytest.mark.parametrize("stored", [b"", b"rubbish", b"\x80"])
def test_states_that_cannot_be_read_are_a_value_error(stored: bytes) -> None:
    """Whoever restores begins anew and says why."""
    with pytest.raises(ValueError, match="of another version or damaged"):
        decode_saved(stored)


def test_states_come_back_as_they_were() -> None:
    """To the byte."""
    saved = SavedMonitor(mark=b"m", rows=3, alarms_per=1e6, offsets={"far": 1}, detectors={"far": b"\x00\xff"})
    assert decode_saved(encode_saved(saved)) == saved
