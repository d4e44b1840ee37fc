"""What waits for a disk that takes nothing is bounded, and what is lost of it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.buffer.delayed import MOST_BYTES, Delayed
from tests.agent.buffer.blocks import make_finding, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from agent.buffer import Buffer


def _without_files(buffer: Buffer, broken: pytest.MonkeyPatch) -> None:
    broken.setattr(buffer._files, "ready", lambda: None)


def _text(size: int) -> list[tuple[str, tuple[str]]]:
    return [("", ("x" * size,))]


def _keys(delayed: Delayed) -> Iterator[object]:
    while delayed:
        yield delayed.first()[0]
        delayed.done()


def test_a_finding_outlives_any_number_of_states_that_the_disk_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One finding, then 1,200 states of one key: all is there when the disk is, and until then status says it waits."""
    waits = "1 states of findings wait in memory until the disk takes them"
    with opened(tmp_path) as buffer:
        with monkeypatch.context() as broken:
            _without_files(buffer, broken)
            buffer.save_finding(make_finding("kept"))
            for count in range(1_200):
                buffer.put_state("stream", "shift", b"%d" % count)
            assert waits in buffer.status().notes
        buffer.commit()
        assert waits not in buffer.status().notes
    with opened(tmp_path) as buffer:
        assert ([f.id for f in buffer.findings()], buffer.get_state("stream", "shift")) == (["kept"], b"1199")


def test_what_waits_is_bounded_in_bytes_and_what_was_discarded_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where states take more than there is room for the oldest go, not the finding, and status counts them."""
    with opened(tmp_path) as buffer:
        with monkeypatch.context() as broken:
            _without_files(buffer, broken)
            buffer.save_finding(make_finding("kept"))
            for count in range(5):
                buffer.put_state(f"stream {count}", "shift", bytes(MOST_BYTES // 4))
        assert "2 states of detectors were discarded before the disk took them" in buffer.status().notes
        assert buffer.get_state("stream 0", "shift") is None
        buffer.commit()
        assert buffer.state_keys("shift") == ["stream 2", "stream 3", "stream 4"]
        assert [f.id for f in buffer.findings()] == ["kept"]


def test_states_and_events_go_before_findings_and_streams_never() -> None:
    """The oldest of the least goes first; the order of the rest stays."""
    delayed = Delayed(10_000)
    delayed.add(("stream", 1), _text(1_000))
    delayed.add(("finding", 1), _text(1_000))
    delayed.add(("event", 1), _text(1_000))
    delayed.add(("state", ("a", "b")), _text(1_000))
    assert delayed.add(("finding", 2), _text(2_000)) == [("event", 1)]
    assert delayed.add(("finding", 3), _text(4_000)) == [("state", ("a", "b")), ("finding", 1)]
    assert delayed.notes == [
        "1 states of findings were discarded before the disk took them",
        "1 states of detectors were discarded before the disk took them",
        "1 lines of the history were discarded before the disk took them",
    ]
    assert delayed.findings == 2
    assert list(_keys(delayed)) == [("stream", 1), ("finding", 2), ("finding", 3)]
    assert delayed.findings == 0


def test_a_state_takes_the_place_of_the_one_before() -> None:
    """It is written after all that came before it."""
    delayed = Delayed(5_000)
    for _ in range(10):
        delayed.add(("state", ("a", "b")), _text(1_000))
    delayed.add(("finding", 1), _text(0))
    delayed.add(("state", ("a", "b")), _text(1_000))
    assert (delayed.notes, list(_keys(delayed))) == ([], [("finding", 1), ("state", ("a", "b"))])
