from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agent.model import Signal
from agent.pulse import MOST_LATENCIES, STEP_NS, STEPS, Pulse
from agent.steady import Step
from tests.agent.buffer.blocks import NOW_NS, make_block

FIRST = NOW_NS // STEP_NS


def test_rows_are_counted_in_the_step_in_which_they_ran() -> None:
    """A block over two steps is shared between them, with what failed and how sure the model was."""
    signals = (Signal("confidence", "output"), Signal("contrast", "input"))
    block = replace(make_block(4), signals=signals, time_ns=FIRST * STEP_NS + np.array([0, 1, STEP_NS, STEP_NS + 1]))
    block.values[:, 0] = [0.5, 0.7, 0.9, np.nan]
    block.status[3] = 1
    pulse = Pulse()
    pulse.add(block)
    beats = pulse.beats()
    assert {step: (beat.inferences, beat.failed) for step, beat in beats.items()} == {FIRST: (2, 0), FIRST + 1: (2, 1)}
    assert [count for beat in beats.values() for count in beat.confidence] == pytest.approx([2, 1.2, 1, 0.9])
    assert beats[FIRST].quantiles(0.5) == [0.25]


def test_only_the_last_minutes_are_kept_and_only_so_many_latencies() -> None:
    """It does not grow, however long or busy a stream is."""
    pulse = Pulse()
    for step in range(3 * STEPS):
        pulse.add(replace(make_block(2_000), time_ns=np.full(2_000, (FIRST + step) * STEP_NS)))
    beats = pulse.beats()
    assert sorted(beats) == list(range(FIRST + 2 * STEPS, FIRST + 3 * STEPS))
    assert {beat.inferences for beat in beats.values()} == {2_000}
    assert max(beat.held for beat in beats.values()) <= MOST_LATENCIES


def test_a_row_of_another_year_does_not_make_it_count_for_ever() -> None:
    """Times that are far apart cost a step each, not all those between."""
    pulse = Pulse()
    pulse.add(replace(make_block(2), time_ns=np.array([0, FIRST * STEP_NS])))
    assert list(pulse.beats()) == [FIRST]


def test_how_far_it_is_on_the_way_to_an_alarm_is_asked_once_a_step() -> None:
    """The furthest signal counts, and detectors are not asked with every block."""
    pulse, asked = Pulse(), []

    def evidence() -> dict[str, float]:
        asked.append(1)
        return {"brightness": 0.25, "contrast": 0.75}

    for _ in range(3):
        pulse.add(make_block(5))
        pulse.judged(evidence)
    assert (len(asked), pulse.beats()[FIRST].evidence) == (1, 0.75)


def test_what_was_told_does_not_change_with_what_comes() -> None:
    """Another thread draws it while the stream goes on."""
    pulse = Pulse()
    pulse.add(make_block(5))
    told = pulse.beats()[FIRST]
    pulse.add(make_block(7))
    assert (told.inferences, told.held, sum(map(len, told.latencies))) == (5, 5, 5)
    assert pulse.beats()[FIRST].inferences == 12


def test_steps_move_with_the_clock() -> None:
    """After the clock was set, what ran is where it belongs."""
    pulse = Pulse()
    pulse.add(make_block(5))
    pulse.rebase(Step(3_600 * 10**9, 0, 2**62))
    assert list(pulse.beats()) == [FIRST + 720]
