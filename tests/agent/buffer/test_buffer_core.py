"""What goes into the buffer comes out of it, before and after a restart."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.buffer import BufferBusyError, BufferConfig, BufferMissingError, open_buffer, open_readonly
from agent.buffer.query import run_query
from agent.clock import ManualClock
from agent.model import Stream
from tests.agent.buffer.blocks import NOW_NS, ask, make_block, make_finding, make_reading, opened

if TYPE_CHECKING:
    from pathlib import Path


def test_rows_come_back_with_the_stream_they_belong_to(tmp_path: Path) -> None:
    """A row is read with its time, identity, latency, status and signals, over a restart."""
    with opened(tmp_path) as buffer:
        buffer.append([make_block(3, first=5)], [])
        buffer.commit()
    with opened(tmp_path) as buffer:
        rows = ask(buffer, "SELECT time, model, version, pid, latency_s, status, brightness FROM inferences")
    assert rows == [["2026-11-18T11:06:40Z", "meter-reader", "3", 7, 0.25, 0, 5.0 + at] for at in range(3)]


def test_times_keep_their_nanoseconds(tmp_path: Path) -> None:
    """Two rows a nanosecond apart stay in order."""
    with opened(tmp_path) as buffer:
        buffer.append([make_block(2)], [])
        buffer.commit()
        assert ask(buffer, "SELECT epoch_ns(time) FROM inferences ORDER BY time") == [[NOW_NS], [NOW_NS + 1]]


def test_streams_with_other_signals_are_read_together(tmp_path: Path) -> None:
    """Two models with different signals are one view; what a model does not have is NULL."""
    with opened(tmp_path) as buffer:
        other = make_block(1, names=("contrast", "level"), stream=Stream(model="ear"), source="b.ring")
        buffer.append([make_block(1, first=9), other], [])
        buffer.commit()
        rows = ask(buffer, "SELECT model, brightness, contrast, level FROM inferences ORDER BY model")
    assert rows == [["ear", None, 0.0, 0.0], ["meter-reader", 9.0, 0.0, None]]


def test_missing_values_are_null(tmp_path: Path) -> None:
    """NaN, which means missing, is NULL, so that an average of the rest has a value."""
    with opened(tmp_path) as buffer:
        block = make_block(2)
        block.values[0, 1] = np.nan
        block.latency_s[0] = np.nan
        buffer.append([block], [])
        buffer.commit()
        assert ask(buffer, "SELECT avg(latency_s), count(contrast) FROM inferences") == [[0.25, 1]]


def test_readings_come_back(tmp_path: Path) -> None:
    """A reading keeps name, unit, value and labels, over a restart that adds more of it."""
    for value in (41.5, 43.0):
        with opened(tmp_path) as buffer:
            buffer.append([], [make_reading(value)])
            buffer.commit()
    with opened(tmp_path) as buffer:
        rows = ask(buffer, "SELECT name, unit, value, labels FROM readings ORDER BY value")
    assert rows == [["hw.temperature", "Cel", value, '{"id":"cpu"}'] for value in (41.5, 43.0)]


def test_positions_are_those_of_committed_rows(tmp_path: Path) -> None:
    """A position names the last record that is durable, and nothing that only waits."""
    with opened(tmp_path) as buffer:
        buffer.append([make_block(10), make_block(4, source="b.ring")], [])
        buffer.commit()
        buffer.append([make_block(10, first=10)], [])
        assert buffer.positions() == {"a.ring": 10, "b.ring": 4}
        buffer.commit()
        assert buffer.positions() == {"a.ring": 20, "b.ring": 4}
    with opened(tmp_path) as buffer:
        assert buffer.positions() == {"a.ring": 20, "b.ring": 4}


def test_an_empty_block_still_moves_the_position(tmp_path: Path) -> None:
    """Records that held no row are not read again."""
    with opened(tmp_path) as buffer:
        buffer.append([make_block(0, first=8)], [])
        buffer.commit()
        assert buffer.positions() == {"a.ring": 8}


def test_findings_are_a_history_and_a_newest_state(tmp_path: Path) -> None:
    """Each state of a finding is kept; what is asked for is the newest of those not closed."""
    states = [
        make_finding("f-1"),
        make_finding("f-2"),
        make_finding("f-1", "acknowledged", "seen"),
        make_finding("f-2", "closed"),
    ]
    with opened(tmp_path) as buffer:
        for finding in states:
            buffer.save_finding(finding)
        assert buffer.findings() == [states[2]]
    with opened(tmp_path) as buffer:
        assert buffer.findings() == [states[2]]
        assert {finding.id: finding for finding in buffer.findings(everything=True)} == {
            "f-1": states[2],
            "f-2": states[3],
        }
        assert ask(buffer, "SELECT id, state FROM finding_history ORDER BY seq") == [
            [finding.id, finding.state] for finding in states
        ]
        assert ask(buffer, "SELECT id, state, note FROM findings ORDER BY id") == [
            ["f-1", "acknowledged", "seen"],
            ["f-2", "closed", ""],
        ]


def test_state_is_replaced(tmp_path: Path) -> None:
    """A part gets back the last state it gave, over a restart, and none under another name."""
    with opened(tmp_path) as buffer:
        buffer.put_state("meter-reader@ab", "shift", b"old")
        buffer.put_state("meter-reader@ab", "shift", bytes(range(256)))
        assert buffer.get_state("meter-reader@ab", "shift") == bytes(range(256))
    with opened(tmp_path) as buffer:
        assert buffer.get_state("meter-reader@ab", "shift") == bytes(range(256))
        assert buffer.get_state("meter-reader@ab", "reference") is None


def test_a_state_that_is_nothing_is_none(tmp_path: Path) -> None:
    """What was forgotten is not listed either."""
    with opened(tmp_path) as buffer:
        buffer.put_state("a", "reference", b"one")
        buffer.put_state("b", "reference", b"two")
        buffer.put_state("a", "reference", b"")
        assert (buffer.get_state("a", "reference"), buffer.state_keys("reference")) == (None, ["b"])
    with opened(tmp_path) as buffer:
        assert (buffer.get_state("a", "reference"), buffer.state_keys("reference")) == (None, ["b"])


def test_events_are_read(tmp_path: Path) -> None:
    """An event is in the view after the next commit."""
    with opened(tmp_path) as buffer:
        buffer.add_event("opened", "meter-reader", "ring a", count=3)
        buffer.commit()
        assert ask(buffer, "FROM events") == [["2026-11-18T11:06:40Z", "opened", "meter-reader", "ring a", 3]]


def test_a_second_agent_is_told_who_has_the_directory(tmp_path: Path) -> None:
    """The second opener is refused, with directory and pid; a reader as well; the first goes on."""
    with opened(tmp_path) as buffer:
        with pytest.raises(BufferBusyError, match=rf"{tmp_path} is in use by process {os.getpid()};"):
            open_buffer(tmp_path, ManualClock(NOW_NS), BufferConfig())
        with pytest.raises(BufferBusyError, match=str(os.getpid())):
            open_readonly(tmp_path)
        buffer.append([make_block(1)], [])
        buffer.commit()
        assert buffer.status().rows == 1


def test_a_stopped_agents_buffer_can_be_read(tmp_path: Path) -> None:
    """Without an agent the files are read as they are, and hold an agent off for that long."""
    with opened(tmp_path) as buffer:
        buffer.append([make_block(4)], [])
        buffer.save_finding(make_finding())
        buffer.put_state("meter-reader@ab", "reference", b"learned")
    reader = open_readonly(tmp_path)
    assert run_query(reader, "SELECT count(*) FROM inferences", 1, 5.0).rows == [[4]]
    assert reader.findings() == [make_finding()]
    assert reader.get_state("meter-reader@ab", "reference") == b"learned"
    assert reader.get_state("meter-reader@cd", "reference") is None
    with pytest.raises(BufferBusyError, match=str(tmp_path)):
        open_buffer(tmp_path, ManualClock(NOW_NS), BufferConfig())
    reader.close()
    with pytest.raises(BufferMissingError, match="elsewhere"):
        open_readonly(tmp_path / "elsewhere")


def test_others_cannot_read_the_files(tmp_path: Path) -> None:
    """Directories are 0750 and files 0640 at most."""
    with opened(tmp_path / "state") as buffer:
        buffer.append([make_block(1)], [])
        buffer.commit()
        modes = {
            path: stat.S_IMODE(path.stat().st_mode) for path in [tmp_path / "state", *(tmp_path / "state").rglob("*")]
        }
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o750}
    assert {mode & 0o137 for path, mode in modes.items() if path.suffix in {".duckdb", ""} and path.is_file()} == {0}


def test_what_waits_is_bounded_and_what_is_dropped_is_counted(tmp_path: Path) -> None:
    """Rows beyond the bound are discarded oldest first, and counted."""
    with opened(tmp_path, BufferConfig(pending_mib=0.01)) as buffer:
        for first in range(0, 1_000, 100):
            buffer.append([make_block(100, first=first)], [])
        discarded = buffer.status().discarded_rows
        buffer.commit()
        assert 0 < discarded < 1_000
        assert ask(buffer, "SELECT count(*), min(brightness) FROM inferences") == [
            [1_000 - discarded, float(discarded)]
        ]


def test_a_block_that_does_not_fit_together_is_refused(tmp_path: Path) -> None:
    """Arrays of different lengths are an error of the caller, said at once."""
    with opened(tmp_path) as buffer:
        block = make_block(3)
        with pytest.raises(ValueError, match="different lengths"):
            buffer.append(
                [
                    type(block)(
                        block.stream, block.signals, block.time_ns[:2], block.latency_s, block.status, block.values
                    )
                ],
                [],
            )


def test_very_wide_rows_keep_what_fits(tmp_path: Path) -> None:
    """A model with a thousand features is stored as far as the memory limit allows, again and again."""
    names = [f"feature_{number}" for number in range(1_000)]
    with opened(tmp_path) as buffer:
        for first in range(0, 3_000, 1_000):
            buffer.append([make_block(1_000, first=first, names=names)], [])
            buffer.commit()
        assert ask(buffer, "SELECT count(*), max(feature_0), count(feature_299) FROM inferences") == [
            [3_000, 2_999.0, 3_000]
        ]
        assert buffer.status().discarded_rows == 0


@pytest.mark.parametrize(("key", "value"), [("limit_mib", 0), ("segment_mib", -1), ("commit_seconds", float("nan"))])
def test_a_setting_out_of_range_is_named(key: str, value: float) -> None:
    """The message quotes key and value and says what is accepted."""
    with pytest.raises(ValueError, match="accepted is a number from"):
        BufferConfig(**{key: value})  # type: ignore[arg-type]
