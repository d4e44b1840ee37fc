from __future__ import annotations

import math
from typing import TYPE_CHECKING

import driftline
import numpy as np
import pytest
from driftline import ids, labelled, observed, registry, wire
from driftline.arrays import Opaque

from agent.clock import SystemClock
from agent.model import Block, Labels, StreamChange
from collectors.labels import LabelCollector
from collectors.rings import RingCollector
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from agent.ports import Item


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the run directory of a process that watches nothing yet."""
    monkeypatch.setenv("DRIFTLINE_RUN", str(tmp_path))
    for module, name in ((registry, "_streams"), (observed, "_known"), (labelled, "_known")):
        monkeypatch.setattr(module, name, {})
    monkeypatch.setattr(ids, "newest", ids.Newest())
    return tmp_path


def gather(collector: RingCollector, rows: int) -> list[Block | Labels]:
    """Collect until there are so many rows or labels."""
    items: list[Block | Labels] = []

    def enough() -> bool:
        items.extend(item for item in collector.collect() if isinstance(item, Block | Labels))
        return sum(map(len, items)) >= rows

    wait_until(enough, f"{rows} rows")
    return items


def test_labels_come_out_as_they_were_told(run: Path) -> None:
    """Numbers, texts and models arrive in order, dated by wall time; texts are cleaned of what a terminal obeys."""
    driftline.label("a", 3)
    driftline.label(7, "op\x1b[31men", model="valve")
    clock = SystemClock()
    told = [item for item in gather(LabelCollector([run], clock), 2) if isinstance(item, Labels)]
    first, second = (label for item in told for label in item.labels)
    assert (first.id, first.value, first.text, first.model) == (ids.number_of("a"), 3.0, "", "")
    assert (second.id, second.value, second.text, second.model) == (ids.number_of("7"), None, "open", "valve")
    assert abs(first.time_ns - clock.wall_ns()) < 60e9
    assert (told[-1].last_seq, sum(item.lost for item in told)) == (2, 0)


def test_a_restarted_agent_goes_on_behind_what_was_committed(run: Path) -> None:
    """Given the position of the last label, only what came after it is handed out."""
    driftline.label("a", 1)
    (first,) = gather(LabelCollector([run], SystemClock()), 1)
    driftline.label("b", 2)
    assert isinstance(first, Labels)
    (second,) = gather(LabelCollector([run], SystemClock(), {first.source: first.last_seq}), 1)
    assert isinstance(second, Labels)
    assert [label.id for label in second.labels] == [ids.number_of("b")]


def test_what_was_overwritten_is_counted(run: Path) -> None:
    """Labels that nobody read in time are lost, and said to be."""
    collector = LabelCollector([run], SystemClock())
    driftline.label(0, 0)
    gather(collector, 1)
    for number in range(10_000):
        driftline.label(number, 0)
    items = gather(collector, 8_192)
    lost = sum(item.lost for item in items if isinstance(item, Labels))
    assert 10_000 - sum(map(len, items)) == lost > 0


def test_what_is_no_label_is_lost(run: Path) -> None:
    """A record whose payload says nothing is passed over and counted; the next one is read."""
    stream = registry.stream_for({"model": "labels", "kind": "labels"}, suffix=wire.LABELS_SUFFIX, fixed=True)
    nothing = labelled.LABEL.pack(5, math.nan, 0, 0, b"", b"")
    stream.record([("label", Opaque(nothing))], (), 1, 1)
    driftline.label("a", 1)
    items = gather(LabelCollector([run], SystemClock()), 1)
    assert sum(item.lost for item in items if isinstance(item, Labels)) == 1


def test_rows_carry_the_ids_that_the_service_gave_or_was_told(run: Path) -> None:
    """Own ids, those of a batch, and those named after ring and record agree with what `label` would send."""
    told = []
    driftline.observe("m", {"a": 1.0}, prediction=1, id="part-1")
    told.append(driftline.last_id())
    driftline.observe("m", {"a": 1.0}, prediction=2)
    told.append(driftline.last_id())
    blocks = gather(RingCollector([run], SystemClock()), 2)
    found = np.concatenate([block.ids for block in blocks if isinstance(block, Block) and block.ids is not None])
    assert [ids.number_of(name) for name in told] == found.tolist()


def test_rows_of_a_batch_follow_one_another(run: Path) -> None:
    """Row r of a watched batch is called as `last_id(row=r)` says; a list of own ids goes row by row."""
    model = driftline.watch(_halves, model="m", ids=True)
    model(np.ones((3, 4), np.float32))
    names = [driftline.last_id(row) for row in range(3)]
    driftline.observe("n", np.ones((2, 3)), prediction=np.array([[1.0], [0.0]]), id=["x", "y"])
    blocks = [block for block in gather(RingCollector([run], SystemClock()), 5) if isinstance(block, Block)]
    by_model = {block.stream.model: block for block in blocks}
    watched, own = by_model["m"].ids, by_model["n"].ids
    assert watched is not None
    assert own is not None
    assert [ids.number_of(name) for name in names] == watched.tolist()
    assert [ids.number_of("x"), ids.number_of("y")] == own.tolist()


def test_an_id_is_no_change_of_the_data(run: Path) -> None:
    """Calls with and without ids are of one shape; the names of the classes come with the block."""
    driftline.observe("m", {"a": 1.0}, prediction=1, classes=["off", "on"])
    driftline.observe("m", {"a": 1.0}, prediction=1, id="b")
    items: list[Item] = []
    collector = RingCollector([run], SystemClock())

    def both() -> bool:
        items.extend(collector.collect())
        return sum(len(item) for item in items if isinstance(item, Block)) == 2

    wait_until(both, "two rows")
    assert [item.kind for item in items if isinstance(item, StreamChange)] == ["opened"]
    for block in (item for item in items if isinstance(item, Block)):
        assert block.classes == ("off", "on")
        assert [signal.name for signal in block.signals] == ["a", "prediction", "latency"]


def _halves(rows: np.ndarray) -> np.ndarray:
    return np.full((len(rows), 2), 0.5, np.float32)
