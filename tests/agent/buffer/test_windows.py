"""What is stored around a finding is what the budgets have room for, in the declared order; the finding always is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.buffer import CaptureConfig
from agent.buffer.capture import SPENT
from tests.agent.buffer.blocks import ask
from tests.agent.buffer.device import RATE, Device, a_finding

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20
AROUND_S = 90  # of a finding, before and after
WITHIN = "SELECT count(*) FROM inferences WHERE brightness >= {} AND brightness < {}"
TOLD = "SELECT detail FROM events WHERE kind = 'thinning'"


def recorder(daily_mib: float = 64) -> CaptureConfig:
    """A minute before a finding and half a one after."""
    return CaptureConfig(daily_mib=daily_mib, before_seconds=60, after_seconds=30)


@pytest.mark.parametrize(
    ("daily_mib", "around", "rows", "words"),
    [
        (1.0, (60, 30), 90 * RATE, ""),
        (0.1, (60, 30), 9 * RATE, "a tenth of the rows"),
        (0.01, (12, 6), 1.8 * RATE, "a tenth of the rows, of a fifth of the time,"),
        (0.001, (60, 30), 0, "no row"),
    ],
)
def test_what_there_is_room_for_is_stored(
    tmp_path: Path, daily_mib: float, around: tuple[int, int], rows: float, words: str
) -> None:
    """Every row, a tenth, a tenth of a fifth of the time, none: each inference is counted once, and it is told."""
    device = Device(tmp_path, recorder=recorder(daily_mib))
    device.run(200)
    opened, before, after = device.rows, *around
    device.buffer.save_finding(a_finding())
    device.run(100)
    stored, stood_for, distinct = device.counts()
    assert (stored, stood_for + device.waiting) == (distinct, 300 * RATE)
    (within,) = ask(device.buffer, WITHIN.format(opened - before * RATE, opened + after * RATE))[0]
    assert isinstance(within, int)
    assert within == pytest.approx(rows + (before + after) * RATE / 100 * (words != ""), rel=0.25, abs=15)
    assert [finding.id for finding in device.buffer.findings()] == ["f-1"]
    spans = ask(device.buffer, 'SELECT finding, epoch("until") - epoch(since) FROM windows')
    assert spans == [["f-1", 0.0 if words else float(AROUND_S)]]
    assert ask(device.buffer, TOLD) == ([[f"{words} is kept around finding f-1: {SPENT}"]] if words else [])
    device.buffer.close()


@pytest.mark.parametrize("after", [5, 20, 60])
def test_a_killed_agent_goes_on_with_a_thinned_window(tmp_path: Path, after: int) -> None:
    """As it was decided when it opened: no row twice, none uncounted, and not all of them after all."""
    device = Device(tmp_path, recorder=recorder(0.1))
    device.run(100)
    device.buffer.save_finding(a_finding())
    device.run(after)
    device.kill()
    device.run(120 - device.rows // RATE + 100)
    stored, stood_for, distinct = device.counts()
    assert (stored, stood_for + device.waiting) == (distinct, device.rows)
    assert 300 < stored < 900
    device.buffer.close()


def test_findings_are_stored_where_the_day_has_nothing_left_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the kernel counts of the process leaves no room for their rows; with a day's room they come with them."""
    written = [0]
    monkeypatch.setattr("agent.buffer.wear.bytes_written", lambda: written[0])
    device = Device(tmp_path, recorder=recorder(), write_mib_per_day=64)
    device.run(100)
    device.buffer.save_finding(a_finding("f-1"))
    device.run(50)
    written[0] = 63 * MIB
    device.buffer.commit()
    device.buffer.save_finding(a_finding("f-2"))
    device.run(50)
    device.buffer.commit()
    assert {finding.id for finding in device.buffer.findings()} == {"f-1", "f-2"}
    assert ask(device.buffer, TOLD) == [[f"no row is kept around finding f-2: {SPENT}"]]
    assert any("only sampled" in note for note in device.buffer.status().notes)
    device.clock.advance(86_400)
    device.run(100)
    device.buffer.save_finding(a_finding("f-3"))
    device.run(50)
    device.buffer.commit()
    assert len(ask(device.buffer, TOLD + " AND detail LIKE '%around%'")) == 1
    device.buffer.close()


def test_a_restart_gives_no_second_allowance(tmp_path: Path) -> None:
    """What findings of the day have written is known after it."""
    device = Device(tmp_path, recorder=recorder(0.5))
    device.run(100)
    device.buffer.save_finding(a_finding("f-1"))
    device.run(100)
    device.buffer.close()
    device.open()
    device.run(100)
    device.buffer.save_finding(a_finding("f-2"))
    device.buffer.commit()
    assert ask(device.buffer, TOLD) == [[f"a tenth of the rows is kept around finding f-2: {SPENT}"]]
    device.buffer.close()
