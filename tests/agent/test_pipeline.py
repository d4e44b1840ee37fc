from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from agent.budget import AlarmsConfig
from agent.clock import ManualClock
from agent.labels.desk import LabelDesk
from agent.model import Label, Labels, Reading, Stream, StreamChange
from agent.pipeline import Pipeline
from agent.status import PartHealth, Repair
from agent.truth import LabelSummary
from tests.agent.fakes import (
    SIGNALS,
    STREAM,
    BrokenDetector,
    FarDetector,
    ListCollector,
    MemoryStore,
    PlainExplainer,
    block,
    factories,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.model import Block, ChangeKind
    from agent.ports import Item

OPENED = StreamChange(stream=STREAM, kind="opened", time_ns=0, source="ring-1")
CALM = [0.0] * 10
FAR = [5.0] * 10


def _pipeline(
    *collectors: ListCollector,
    store: MemoryStore | None = None,
    clock: ManualClock | None = None,
    **detectors: tuple[type[FarDetector], float],
) -> Pipeline:
    return Pipeline(
        collectors=collectors,
        store=store or MemoryStore(),
        explainer=PlainExplainer(),
        factories=factories(**detectors),
        clock=clock or ManualClock(),
        alarms=AlarmsConfig(),
        commit_seconds=5.0,
    )


def _run(pipeline: Pipeline, ticks: int) -> Pipeline:
    for _ in range(ticks):
        pipeline.tick()
    return pipeline


def test_a_stream_learns_then_is_judged() -> None:
    """The first rows make the reference and raise nothing; a shift after them opens a finding."""
    collector = ListCollector([OPENED, block(FAR)], [block(FAR, 10)], [block(CALM, 20)])
    pipeline = _run(_pipeline(collector), 2)
    assert (pipeline.findings(), pipeline.streams()[0].reference_rows) == ((), 10)
    pipeline.tick()
    assert [f.sentence for f in pipeline.findings()] == ["brightness changed"]
    assert pipeline.state(pipeline.streams()) == "warning"


def test_a_collector_that_fails_does_not_stop_the_others() -> None:
    """A failing part is named in the health, and heals when it works again."""
    broken = ListCollector(OSError("no such device"))
    pipeline = _run(_pipeline(broken, ListCollector([block(CALM)])), 1)
    assert [(part.ok, part.note) for part in pipeline.health()][-1] == (True, "")
    assert pipeline.streams()[0].inferences == 10


def test_a_failing_collector_is_named_in_the_health() -> None:
    """The reason stands in the health of that part."""
    pipeline = _run(_pipeline(ListCollector(OSError("no such device"))), 1)
    assert PartHealth(name="list", ok=False, note="OSError: no such device") in pipeline.health()


def test_a_detector_that_fails_is_taken_out_and_named() -> None:
    """The other detectors of the stream go on."""
    collector = ListCollector([block(CALM)], [block(FAR, 10)])
    pipeline = _run(_pipeline(collector, broken=(BrokenDetector, 0.1), far=(FarDetector, 0.5)), 2)
    assert [f.sentence for f in pipeline.findings()] == ["brightness changed"]
    assert "RuntimeError: cannot judge 10 rows" in [part.note for part in pipeline.health()]


def test_the_reference_and_the_count_of_rows_survive_a_restart() -> None:
    """A restarted pipeline goes on judging with the stored reference, and counts rows on."""
    store = MemoryStore()
    _run(_pipeline(ListCollector([OPENED, block(CALM)], [block(CALM, 10)]), store=store), 2).close()
    again = _run(_pipeline(ListCollector([OPENED, block(FAR, 20)]), store=store), 1)
    assert [(f.row, f.sentence) for f in again.findings()] == [(10, "brightness changed")]
    assert again.streams()[0].reference_rows == 10


def test_a_reference_that_cannot_be_read_is_learned_anew_and_says_so() -> None:
    """A damaged reference never stops the stream."""
    store = MemoryStore()
    store.put_state(STREAM.key, "reference", b"rubbish")
    pipeline = _run(_pipeline(ListCollector([OPENED, block(CALM[:5])]), store=store), 1)
    status = pipeline.streams()[0]
    assert status.state == "learning"
    assert "could not be read" in status.reference_notes[0]


def test_another_model_file_starts_another_reference() -> None:
    """The reference belongs to the model's hash."""
    other = Stream(model=STREAM.model, sha256="cd" * 32, pid=78)
    collector = ListCollector([OPENED, block(CALM)], [block(FAR[:5], stream=other)])
    pipeline = _run(_pipeline(collector), 2)
    assert [s.key[-4:] for s in pipeline.streams()] == ["abab", "cdcd"]
    assert pipeline.findings() == ()


def test_lost_records_are_counted_and_told() -> None:
    """Records that were overwritten show in the stream's status and in the history."""
    lost = StreamChange(stream=STREAM, kind="lost", time_ns=0, count=12, detail="12 records overwritten")
    pipeline = _run(_pipeline(ListCollector([OPENED, lost])), 1)
    assert pipeline.streams()[0].lost == 12
    assert pipeline.events()[0].text == "meter-reader: lost: 12 records overwritten"


def test_storage_that_says_that_it_wears_out_opens_a_finding() -> None:
    """A reading of the card itself is enough; it is told once."""
    worn = Reading("hw.status", "1", 1.0, 0, (("sensor", "mmcblk0"), ("state", "degraded")))
    pipeline = _pipeline(ListCollector([worn], [worn]))
    pipeline.tick()
    pipeline.tick()
    assert [(finding.kind, finding.severity) for finding in pipeline.findings()] == [("storage", "warning")]


def test_a_host_reading_that_is_not_measured_any_more_disappears() -> None:
    """A sensor that vanished is absent, never 0."""
    clock = ManualClock()
    reading = Reading("hw.temperature", "Cel", 41.0, 0)
    pipeline = Pipeline(
        collectors=[ListCollector([reading])],
        store=MemoryStore(),
        explainer=PlainExplainer(),
        factories=factories(),
        clock=clock,
        alarms=AlarmsConfig(),
        commit_seconds=5.0,
    )
    pipeline.tick()
    assert pipeline.host() == (reading,)
    clock.advance(61)
    assert pipeline.host() == ()


def test_rows_are_committed_at_the_interval_and_at_the_end() -> None:
    """What was appended is durable after commit_seconds, and after close."""
    store, clock = MemoryStore(), ManualClock()
    pipeline = Pipeline(
        collectors=[ListCollector([block(CALM)], [], [block(CALM, 10)])],
        store=store,
        explainer=PlainExplainer(),
        factories=factories(),
        clock=clock,
        alarms=AlarmsConfig(),
        commit_seconds=5.0,
    )
    pipeline.tick()
    assert store.committed == []
    clock.advance(5)
    pipeline.tick()
    assert len(store.committed) == 1
    pipeline.close()
    assert len(store.committed) == 2


def test_the_budget_is_turned_into_inferences_at_the_observed_rate() -> None:
    """Thirty days at fifteen inferences a second, by the clock that nobody can set."""
    clock = ManualClock()
    pipeline = _pipeline(ListCollector([OPENED, block(CALM[:5])], [block(CALM, 5)]), clock=clock)
    pipeline.tick()
    clock.advance(1)
    pipeline.tick()
    # a tenth of the budget is the device's own
    assert pipeline.streams()[0].alarm_every_inferences == pytest.approx(15 * 30 * 86_400 / 0.9)


def test_a_store_that_fails_does_not_end_the_tick() -> None:
    """The failure is in the health, and the stream is judged all the same."""

    class FullStore(MemoryStore):
        def append(self, blocks: Sequence[Block], readings: Sequence[Reading]) -> None:
            raise OSError(f"no room for {len(blocks)} blocks and {len(readings)} readings")

    pipeline = _run(_pipeline(ListCollector([OPENED, block(CALM)], [block(FAR, 10)]), store=FullStore()), 2)
    assert PartHealth(name="buffer", ok=False, note="OSError: no room for 1 blocks and 0 readings") in pipeline.health()
    assert len(pipeline.findings()) == 1


def test_findings_of_a_replaced_model_are_closed() -> None:
    """Another model file ends the data that the finding was about; the device is not critical for ever."""
    other = Stream(model=STREAM.model, sha256="cd" * 32, pid=78)
    opened = StreamChange(stream=other, kind="opened", time_ns=0, source="ring-2")
    store = MemoryStore()
    pipeline = _run(_pipeline(ListCollector([OPENED, block(CALM)], [block(FAR, 10)], [opened]), store=store), 3)
    assert (pipeline.findings(), store.history[-1].state) == ((), "closed")


def test_every_process_that_runs_a_model_is_measured() -> None:
    """Workers of one model, and others; not one that has ended, nor one whose number is of another container."""

    def change(kind: ChangeKind, ring: str, pid: int, model: str = "") -> StreamChange:
        stream = replace(STREAM, pid=pid, model=model or STREAM.model)
        return StreamChange(stream=stream, kind=kind, time_ns=0, source=ring)

    opened = [change("opened", f"ring-{pid}", pid) for pid in (71, 72, 73)]
    others = [change("opened", "ring-x", 0), change("opened", "ring-9", 99, "valve")]
    pipeline = _run(_pipeline(ListCollector([*opened, *others], [change("closed", "ring-73", 73)])), 1)
    assert pipeline.pids() == {71: STREAM.model, 72: STREAM.model, 73: STREAM.model, 99: "valve"}
    pipeline.tick()
    assert pipeline.pids() == {71: STREAM.model, 72: STREAM.model, 99: "valve"}


def test_acknowledging_what_belongs_to_a_stopped_stream_closes_it() -> None:
    """Nothing will come any more that could end it."""
    closed = StreamChange(stream=STREAM, kind="closed", time_ns=0, source="ring-1")
    pipeline = _run(_pipeline(ListCollector([OPENED, block(CALM)], [block(FAR, 10)], [closed])), 3)
    (finding,) = pipeline.findings()
    assert pipeline.acknowledge(finding.id, "replaced the camera").state == "closed"
    assert pipeline.findings() == ()


def test_missing_columns_are_missing_values() -> None:
    """A block that lost a column is judged with the reference's columns."""
    narrow = block(FAR, 10)
    narrow = type(narrow)(
        narrow.stream, SIGNALS[1:], narrow.time_ns, narrow.latency_s, narrow.status, narrow.values[:, 1:]
    )
    pipeline = _run(_pipeline(ListCollector([block(CALM)], [narrow])), 2)
    assert pipeline.findings() == ()
    assert pipeline.streams()[0].inferences == 20


def test_a_repair_of_the_store_is_a_finding_once() -> None:
    """What was lost is told, at the start or whenever it is met, and not twice."""
    store = MemoryStore()
    store.repairs = (Repair("a segment was damaged"), Repair("the core was damaged", "learn anew"))
    pipeline = _pipeline(ListCollector(), store=store)
    pipeline.close()
    pipeline.close()
    told = {f.sentence: f.advice for f in pipeline.findings()}
    read = "Nothing needs to be done; acknowledge it when you have read it."
    assert told == {"a segment was damaged": read, "the core was damaged": "learn anew"}
    assert len(store.history) == 2


class SlowStore(MemoryStore):
    """Takes a fifth of a second of `clock` to read a state."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def get_state(self, stream_key: str, part: str) -> bytes | None:
        """Read slowly."""
        self._clock.advance(0.2 if part == "reference" else 0.0)
        return super().get_state(stream_key, part)


def test_streams_that_take_long_to_take_up_are_taken_up_over_several_ticks() -> None:
    """Two fit into the first tick; the others wait with all that they bring, and lose nothing of it, nor its order."""
    clock = ManualClock()
    store = SlowStore(clock)
    streams = [Stream(model=f"model-{number}", sha256="ab" * 32, pid=number) for number in range(5)]
    rounds: list[list[Item] | Exception] = [[block(CALM, row, stream) for stream in streams] for row in (0, 10)]
    pipeline = _pipeline(ListCollector(*rounds), store=store, clock=clock)
    for seen in (2, 4, 5):
        pipeline.tick()
        assert len(pipeline.streams()) == seen
    assert [status.inferences for status in pipeline.streams()] == [20] * 5
    for stream in streams:
        assert [int(b.time_ns[0]) for b in store.pending if b.stream == stream] == [0, 1_000_000_000]


def test_what_waits_to_be_taken_up_is_taken_up_before_the_end() -> None:
    """An agent that is stopped at once after its start drops nothing that it has read."""
    clock = ManualClock()
    store = SlowStore(clock)
    streams = [Stream(model=f"model-{number}", sha256="ab" * 32, pid=number) for number in range(5)]
    _pipeline(ListCollector([block(CALM, 0, stream) for stream in streams]), store=store, clock=clock).close()
    assert [b.stream for b in store.committed] == streams


class HeardDesk(LabelDesk):
    """Writes down what it is given, in order."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def add(self, block: Block, *, learning: bool) -> None:
        """Hear of inferences."""
        self.heard.append(f"{len(block)} inferences, learning {learning}")

    def take(self, told: Labels) -> LabelSummary:
        """Hear labels."""
        self.heard.append(f"{len(told)} labels")
        return LabelSummary()

    def learned(self, key: str) -> None:
        """Hear that there is a reference."""
        self.heard.append(f"learned {key}")


def test_labels_follow_the_inferences_that_were_read_with_them() -> None:
    """A label is told after its inference: whatever is read first, the desk knows the inference by then."""
    labels = Labels((Label(id=1, value=0.0),))
    pipeline = _pipeline(ListCollector([labels, OPENED, block(CALM)]))
    pipeline.labels = desk = HeardDesk()
    pipeline.tick()
    assert desk.heard == ["10 inferences, learning True", f"learned {STREAM.key}", "1 labels"]
