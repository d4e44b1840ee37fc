"""Stored rows as a person can judge them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from driftline.ids import written

from agent.buffer.judgeable import MOST_AROUND, around, newest
from agent.buffer.told import stored_events, stored_finding
from agent.clock import utc
from agent.present import Present
from agent.truth import LabelRecord
from tests.agent.buffer.blocks import CAMERA, NOW_NS
from tests.agent.buffer.device import RATE, SECOND_NS, a_finding
from tests.agent.buffer.test_past import CLASSES, SIGNALS, Seen

if TYPE_CHECKING:
    from pathlib import Path

    from agent.model import Block

FIRST_ID = 1_000


class Named(Seen):
    """As `Seen`, every row kept, with ids from FIRST_ID on."""

    def block(self, seconds: float = 1.0) -> Block:
        plain = super().block(seconds)
        first = FIRST_ID + self.rows - len(plain)
        return replace(plain, ids=np.arange(first, first + len(plain), dtype=np.uint64))

    def present(self, *, running: bool = True) -> Present:
        """The stream as memory knows it; not `running`: as after a restart of the agent."""
        now = self.clock.wall_ns()
        if not running:
            return Present(CAMERA.key, now)
        return Present(CAMERA.key, now, CAMERA, signals=SIGNALS, names={CAMERA.key: CLASSES})


@pytest.fixture
def device(tmp_path: Path) -> Named:
    """A device that ran for twenty seconds."""
    named = Named(tmp_path, capture="all")
    named.run(20)
    named.buffer.commit()
    return named


def test_newest_rows_come_first_with_what_the_model_said(device: Named) -> None:
    """By name where classes have names, with id, confidence, status and all signals."""
    found = device.reader.ask(lambda cursor: newest(cursor, device.present(), 3))
    last = FIRST_ID + device.rows - 1
    assert [row.id for row in found.answers] == [written(last - at) for at in range(3)]
    turns = [(device.rows - 1 - at) % 3 for at in range(3)]
    assert [row.said for row in found.answers] == [("cat", "dog", "dog")[turn] for turn in turns]
    assert [row.confidence for row in found.answers] == pytest.approx([0.5 + 0.2 * turn for turn in turns])
    assert found.signals == ("brightness", "prediction", "confidence")
    assert found.answers[0].values == pytest.approx((1.0, min(turns[0], 1), 0.5 + 0.2 * turns[0]))
    assert found.answers[0].time == utc(NOW_NS + (device.rows - 1) * SECOND_NS // RATE)
    assert (found.classes, found.sampled) == (CLASSES, False)
    assert {row.right for row in found.answers} == {None}


def test_rows_of_a_stream_that_has_not_run_since_the_start_are_told_all_the_same(device: Named) -> None:
    """Its signals are those that were stored; classes without names are numbers."""
    device.buffer.close()
    device.open()
    device.reader._buffer = device.buffer
    found = device.reader.ask(lambda cursor: newest(cursor, device.present(running=False), 2))
    assert found.signals == ("brightness", "prediction", "confidence")
    assert {row.said for row in found.answers} <= {"0", "1"}
    assert found.stream.key == CAMERA.key


def test_labels_stand_beside_the_answers(device: Named) -> None:
    """With their truth where one was told; of what was only marked wrong, that it was."""
    last = FIRST_ID + device.rows - 1
    said = {"key": CAMERA.key, "model": CAMERA.model, "version": CAMERA.version, "told_ns": NOW_NS}
    records = [
        LabelRecord(number=1, id=last, value=0.0, answer=1.0, error=1.0, **said),  # type: ignore[arg-type]
        LabelRecord(number=2, id=last - 1, text="dog", answer=1.0, error=0.0, **said),  # type: ignore[arg-type]
        LabelRecord(number=3, id=last - 2, answer=0.0, error=1.0, **said),  # type: ignore[arg-type]
    ]
    device.buffer.labels.append_labels(records, "", 0)
    device.buffer.commit()
    found = device.reader.ask(lambda cursor: newest(cursor, device.present(), 4))
    assert [(row.truth, row.right) for row in found.answers] == [("cat", False), ("dog", True), ("", False), ("", None)]


def test_of_many_rows_around_a_finding_some_are_told_evenly(device: Named) -> None:
    """So that the whole time is seen, and that some were left out is said; of few all are."""
    since, until = NOW_NS, NOW_NS + 20 * SECOND_NS
    many = device.reader.ask(lambda cursor: around(cursor, device.present(), since, until))
    assert MOST_AROUND // 2 <= len(many.answers) <= MOST_AROUND
    assert many.sampled
    times = [row.time for row in many.answers]
    assert times == sorted(times, reverse=True)
    assert (times[0] - times[-1]).total_seconds() > 19
    few = device.reader.ask(lambda cursor: around(cursor, device.present(), since, since + SECOND_NS))
    assert (len(few.answers), few.sampled) == (RATE, False)


def test_a_stored_finding_and_what_happened_then_are_told(device: Named) -> None:
    """By its newest state; the history newest first, within its time."""
    device.buffer.save_finding(a_finding("f-9"))
    for at in range(5):
        device.buffer.add_event("opened", "camera", f"pid {at}", time_ns=NOW_NS + at * SECOND_NS)
    device.buffer.commit()
    assert device.reader.ask(lambda cursor: stored_finding(cursor, "f-9")) == a_finding("f-9")
    with pytest.raises(KeyError, match="no finding has the id f-10"):
        device.reader.ask(lambda cursor: stored_finding(cursor, "f-10"))
    lines = device.reader.ask(lambda cursor: stored_events(cursor, NOW_NS + SECOND_NS, NOW_NS + 4 * SECOND_NS, most=2))
    assert [(line.time, line.text) for line in lines] == [
        (utc(NOW_NS + at * SECOND_NS), f"camera: opened: pid {at}") for at in (3, 2)
    ]
