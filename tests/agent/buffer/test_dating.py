"""What the buffer does when the clock is set."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from agent.buffer import BufferConfig, folders, open_buffer, open_readonly
from agent.buffer.query import run_query
from agent.buffer.segment import Segment
from agent.clock import ManualClock, utc
from agent.steady import SteadyClock
from tests.agent.buffer.blocks import CAMERA, DAY_NS, NOW_NS, ask, make_block, make_finding, make_reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.buffer import Buffer
    from agent.model import Finding

SECOND = 10**9
TIMES = "SELECT brightness, epoch_ns(time) FROM inferences ORDER BY brightness"


@contextmanager
def dated(
    directory: Path, device: ManualClock, config: BufferConfig | None = None
) -> Iterator[tuple[Buffer, SteadyClock]]:
    """A buffer, and the clock that it goes by."""
    clock = SteadyClock(device)
    buffer = open_buffer(directory, clock, config or BufferConfig())
    try:
        yield buffer, clock
    finally:
        buffer.close()


def look(buffer: Buffer, clock: SteadyClock) -> None:
    """See that the clock was set, and correct what is stored."""
    step = clock.look()
    assert step is not None
    buffer.rebase(step)


def _finding(identity: str, time_ns: int) -> Finding:
    moment = utc(time_ns)
    return replace(make_finding(identity), onset=moment, opened=moment, updated=moment)


def test_everything_that_a_boot_wrote_is_dated_right_when_its_clock_is_set(tmp_path: Path) -> None:
    """Rows, readings, events and findings of 1970 are moved; those of an earlier boot, and of its rings, are not."""
    with dated(tmp_path, ManualClock(NOW_NS - DAY_NS)) as (buffer, clock):
        buffer.append([make_block(1, first=0, time_ns=clock.wall_ns())], [])
        buffer.save_finding(_finding("before", clock.wall_ns()))
        buffer.add_event("said", "before", "")
    device = ManualClock(0, "boot 2")
    device.advance(100)
    with dated(tmp_path, device) as (buffer, clock):
        left_in_a_ring = make_block(1, first=1, time_ns=NOW_NS - DAY_NS + 1)
        buffer.append(
            [left_in_a_ring, make_block(1, first=2, time_ns=100 * SECOND)], [make_reading(time_ns=100 * SECOND)]
        )
        buffer.commit()
        buffer.save_finding(_finding("now", 100 * SECOND))
        buffer.add_event("said", "now", "")
        buffer.append([make_block(1, first=3, time_ns=101 * SECOND)], [])
        device.advance(10)
        device.set_wall(NOW_NS)
        look(buffer, clock)
        buffer.append([make_block(1, first=4, time_ns=NOW_NS)], [])
        buffer.commit()
        at_start = NOW_NS - 110 * SECOND
        assert ask(buffer, TIMES) == [
            [0.0, NOW_NS - DAY_NS], [1.0, NOW_NS - DAY_NS + 1], [2.0, at_start + 100 * SECOND],
            [3.0, at_start + 101 * SECOND], [4.0, NOW_NS],
        ]  # fmt: skip
        assert ask(buffer, "SELECT epoch_ns(time) FROM readings") == [[at_start + 100 * SECOND]]
        assert ask(buffer, "SELECT subject, epoch_ns(time) FROM events WHERE kind = 'said' ORDER BY time") == [
            ["before", NOW_NS - DAY_NS],
            ["now", at_start + 100 * SECOND],
        ]
        assert {f.id: f.opened for f in buffer.findings()} == {
            "before": utc(NOW_NS - DAY_NS),
            "now": utc(at_start + 100 * SECOND),
        }
        assert ask(buffer, "SELECT id, count(*) FROM finding_history GROUP BY id ORDER BY id") == [
            ["before", 1],
            ["now", 2],
        ]
        blocks = list(buffer.rows_since(CAMERA.key, b""))
        assert [int(t) for block in blocks for t in block.time_ns] == [time for _, time in ask(buffer, TIMES)]
        assert ask(buffer, "SELECT column_name FROM (DESCRIBE inferences) WHERE column_name = 'era'") == []


def test_times_stay_right_over_restarts_and_without_an_agent(tmp_path: Path) -> None:
    """The next agent, a reader of the stopped agent's files and the boot after show the same times."""
    device = ManualClock(0)
    with dated(tmp_path, device) as (buffer, clock):
        buffer.append([make_block(2, time_ns=0)], [])
        buffer.commit()
        device.advance(1)
        device.set_wall(NOW_NS + SECOND)
        look(buffer, clock)
    expected = [[0.0, NOW_NS], [1.0, NOW_NS + 1]]
    with dated(tmp_path, device) as (buffer, _):
        assert ask(buffer, TIMES) == expected
    reader = open_readonly(tmp_path)
    try:
        assert run_query(reader, TIMES, 10, 20.0).rows == expected
    finally:
        reader.close()
    device.reboot("boot 2", 0)
    with dated(tmp_path, device) as (buffer, _):
        assert ask(buffer, TIMES) == expected


def test_a_clock_that_was_set_while_no_agent_ran_corrects_what_the_last_one_wrote(tmp_path: Path) -> None:
    """The agent that starts knows the step from what is stored, and findings are right when they are first read."""
    device = ManualClock(0)
    with dated(tmp_path, device) as (buffer, _):
        buffer.append([make_block(1, time_ns=0)], [])
        buffer.save_finding(_finding("early", 0))
    device.advance(50)
    device.set_wall(NOW_NS)
    with dated(tmp_path, device) as (buffer, _):
        assert buffer.dating.step is not None
        assert buffer.dating.step.by_ns == NOW_NS - 50 * SECOND
        assert ask(buffer, TIMES) == [[0.0, NOW_NS - 50 * SECOND]]
        assert [f.opened for f in buffer.findings()] == [utc(NOW_NS - 50 * SECOND)]


def test_a_jump_there_and_back_leaves_every_time_right(tmp_path: Path) -> None:
    """Ten years ahead for two hours, then NTP: rows of before, during and after have the times that they had."""
    device = ManualClock(NOW_NS)
    with dated(tmp_path, device) as (buffer, clock):
        buffer.append([make_block(1, first=0, time_ns=clock.wall_ns())], [])
        buffer.commit()
        device.set_wall(NOW_NS + 3_650 * DAY_NS)
        look(buffer, clock)
        device.advance(7_200)
        buffer.append([make_block(1, first=1, time_ns=clock.wall_ns())], [])
        buffer.commit()
        device.kept_right = True
        device.set_wall(NOW_NS + 7_200 * SECOND)
        look(buffer, clock)
        buffer.append([make_block(1, first=2, time_ns=clock.wall_ns())], [])
        buffer.commit()
        assert ask(buffer, TIMES) == [[0.0, NOW_NS], [1.0, NOW_NS + 7_200 * SECOND], [2.0, NOW_NS + 7_200 * SECOND]]


def test_whatever_keeps_a_time_knows_its_era(tmp_path: Path) -> None:
    """A table of a segment or of the core with a time in it that could not be corrected would end with wrong times."""
    with dated(tmp_path, ManualClock(NOW_NS)) as (buffer, clock):
        buffer.append([make_block(1, time_ns=clock.wall_ns())], [make_reading()])
        buffer.commit()
        engine = buffer._files.ready()
        assert engine is not None
        timed = (
            "SELECT database_name, table_name, bool_or(column_name = 'era') FROM duckdb_columns() "
            "WHERE database_name = 'core' OR database_name LIKE 'segment_%' GROUP BY ALL "
            "HAVING bool_or(data_type LIKE 'TIMESTAMP%') ORDER BY ALL"
        )
        found = engine.run(timed)
    assert {table for _, table, _ in found} >= {"batches", "events", "finding_history", "labels", "readings", "rows_1"}
    assert [table for _, table, knows in found if not knows] == []


def test_a_batch_carries_its_boot_and_the_order_of_batches_is_that_of_their_ids(tmp_path: Path) -> None:
    """Through three boots, one of them in 1970: ids go up, and within a boot so does the time since boot."""
    device = ManualClock(NOW_NS)
    for boot, wall in (("boot 1", NOW_NS), ("boot 2", 0), ("boot 3", NOW_NS - DAY_NS)):
        device.reboot(boot, wall)
        with dated(tmp_path, device, BufferConfig(segment_mib=0.001)) as (buffer, clock):
            for _ in range(2):
                device.advance(5)
                buffer.append([make_block(3, time_ns=clock.wall_ns())], [])
                buffer.commit()
            segments = buffer._files.segments.opened  # no view shows batches
            engine = buffer._files.ready()
            assert engine is not None
            sql = "SELECT id, boot, monotonic FROM {}.batches WHERE rows > 0"  # closing writes summaries, too
            found = [row for s in segments for row in engine.run(sql.format(s.alias))]
    assert found == [
        (1, "boot 1", 5 * SECOND), (2, "boot 1", 10 * SECOND), (4, "boot 2", 5 * SECOND), (5, "boot 2", 10 * SECOND),
        (7, "boot 3", 5 * SECOND), (8, "boot 3", 10 * SECOND),
    ]  # fmt: skip


def test_a_folder_that_cannot_be_synced_delays_the_correction_and_raises_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the names of new files cannot be made durable a set clock is not written down; afterwards it is."""
    device = ManualClock(0)
    device.advance(100)
    with dated(tmp_path, device) as (buffer, clock):
        buffer.append([make_block(1, first=0, time_ns=100 * SECOND)], [])
        buffer.commit()

        def failing(folder: Path) -> None:
            raise OSError(errno.EIO, "Input/output error", str(folder))

        with monkeypatch.context() as broken:
            broken.setattr(folders, "sync_folder", failing)
            # A log that is new has a name that is not durable yet.
            buffer._files._log_names.forget()
            device.set_wall(NOW_NS)
            look(buffer, clock)
            assert "Input/output error" in " ".join(buffer.status().notes)
            buffer.commit()
        buffer.commit()
        assert ask(buffer, TIMES) == [[0.0, NOW_NS]]


def test_a_close_that_fails_lets_go_of_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the last commit raises, the next agent can open the directory at once."""
    clock = ManualClock(NOW_NS)
    buffer = open_buffer(tmp_path, SteadyClock(clock), BufferConfig())

    def failing(*, everything: bool = True) -> None:
        raise OSError(errno.EIO, f"Input/output error, everything={everything}")

    monkeypatch.setattr(buffer, "commit", failing)
    with pytest.raises(OSError, match="Input/output"):
        buffer.close()
    open_buffer(tmp_path, SteadyClock(clock), BufferConfig()).close()


def test_a_batch_that_waits_while_the_clock_is_set_is_corrected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first write fails in 1970; when it is written, with the right time long known, it has the right time."""
    device = ManualClock(0)
    with dated(tmp_path, device) as (buffer, clock):
        with monkeypatch.context() as patched:
            patched.setattr(Segment, "write", _no_room)
            buffer.append([make_block(1, time_ns=0)], [])
            buffer.commit()
            device.advance(1)
            device.set_wall(NOW_NS + SECOND)
            look(buffer, clock)
        buffer.commit()
        assert ask(buffer, TIMES) == [[0.0, NOW_NS]]


def _no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")
