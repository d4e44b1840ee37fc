"""What state a stream and the device have by their findings and what a person said of these, and what is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from agent.budget import AlarmsConfig
from agent.clock import ManualClock
from agent.condition import believed
from agent.model import AccuracyEstimate, SignalEvidence, StreamChange
from agent.pipeline import Pipeline
from tests.agent.fakes import STREAM, FarDetector, ListCollector, MemoryStore, PlainExplainer, block, factories
from tests.exporters.statuses import make_finding, make_stream

if TYPE_CHECKING:
    from agent.model import Severity, Verdict
    from agent.ports import Case, Explanation, Item

OPENED = StreamChange(stream=STREAM, kind="opened", time_ns=0, source="ring-1")
CLOSED = replace(OPENED, kind="closed")
CALM, FAR, LONG_CALM = [0.0] * 10, [5.0] * 10, [0.0] * 1_300


class _Graded(PlainExplainer):
    """Says of everything how bad it is."""

    def __init__(self, severity: Severity) -> None:
        super().__init__()
        self._severity = severity

    def explain(self, case: Case) -> Explanation:
        """Explain, and grade."""
        return replace(super().explain(case), severity=self._severity)


def _judged(severity: Severity, verdict: Verdict, *then: list[Item]) -> Pipeline:
    """A pipeline with a finding that a person has closed while the shift goes on, before `then` comes."""
    pipeline = Pipeline(
        collectors=[ListCollector([OPENED, block(CALM)], [block(FAR, 10)], *then)], store=MemoryStore(),
        explainer=_Graded(severity), factories=factories(), clock=ManualClock(), alarms=AlarmsConfig(),
        commit_seconds=5.0,
    )  # fmt: skip
    pipeline.tick()
    pipeline.tick()
    (finding,) = pipeline.findings()
    pipeline.judge(finding.id, verdict, "")
    return pipeline


def _states(pipeline: Pipeline) -> tuple[str, str]:
    streams = pipeline.streams()
    return streams[0].state, pipeline.state(streams)


@pytest.mark.parametrize(("severity", "state"), [("critical", "warning"), ("warning", "warning"), ("info", "ok")])
def test_what_was_closed_as_real_and_goes_on_is_a_warning_at_most(severity: Severity, state: str) -> None:
    """It is neither open nor critical, as somebody deals with it; but the stream is not as its reference either."""
    pipeline = _judged(severity, "real", [block(FAR, 20)])
    assert _states(pipeline) == (state, state)
    counts = ": the state is a warning until it is over" if state == "warning" else ""
    assert pipeline.events()[0].text.endswith(f"(it still goes on{counts})")
    pipeline.tick()
    assert (pipeline.findings(), [one.verdict for one in pipeline.known()]) == ((), ["real"])
    assert _states(pipeline) == (state, state)


def test_what_was_closed_as_a_false_alarm_does_not_count() -> None:
    """Who says so is believed, while it lasts."""
    pipeline = _judged("critical", "false alarm", [block(FAR, 20)])
    pipeline.tick()
    assert (_states(pipeline), pipeline.findings(), pipeline.known()) == (("ok", "ok"), (), ())


def test_what_was_known_counts_until_it_is_over_and_the_history_says_when() -> None:
    """The rows are back at their reference: the state is, too, and says why."""
    pipeline = _judged("critical", "real", [block(LONG_CALM, 20)])
    said = "the state is a warning until it is over"
    assert said in pipeline.events()[0].text
    pipeline.tick()
    assert (_states(pipeline), pipeline.known()) == (("ok", "ok"), ())
    assert pipeline.events()[0].text == "meter-reader: over: critical: brightness changed"


def test_what_was_known_is_told_as_over_when_another_file_takes_its_models_place() -> None:
    """The state is better from one moment to the next, and the history says why."""
    other = replace(STREAM, sha256="cd" * 32)
    pipeline = _judged("critical", "real", [replace(OPENED, stream=other)])
    pipeline.tick()
    assert pipeline.known() == ()
    text = pipeline.events()[0].text
    assert text == f"meter-reader: over: critical: brightness changed (another model file took its place: {other.key})"


def test_what_was_known_is_told_as_over_with_the_reference_that_it_was_compared_with() -> None:
    """A new reference is what health is from now on."""
    pipeline = _judged("critical", "real")
    pipeline.baselines.accept(STREAM.key, learn=True, by="a person")
    assert pipeline.known() == ()
    assert "meter-reader: over: critical: brightness changed" in [event.text for event in pipeline.events()]


def test_another_verdict_or_the_end_of_its_stream_ends_what_is_known() -> None:
    """A person may change their mind; and of a model that does not run nothing would tell that it is over."""
    pipeline = _judged("critical", "real", [CLOSED])
    (known,) = pipeline.known()
    pipeline.judge(known.id, "false alarm", "")
    assert _states(pipeline) == ("ok", "ok")
    pipeline.judge(known.id, "real", "")
    assert _states(pipeline) == ("warning", "warning")
    pipeline.tick()
    assert (_states(pipeline), pipeline.known()) == (("stopped", "waiting"), ())


ESTIMATE = AccuracyEstimate(rows=1_000, estimate=0.98, low=0.94, high=0.99, calibrated=True, valid=True, first_row=700)
INPUT = SignalEvidence(name="brightness", role="input", detector="shift", value=9.0, threshold=5.0)


def _estimate(first_row: int, **changes: object) -> AccuracyEstimate | None:
    """What is told of an estimate from that row on, while a finding with its onset at row 700 goes on."""
    stream = make_stream(accuracy=replace(ESTIMATE, first_row=first_row))
    usual: dict[str, object] = {"stream": stream.stream, "onset_row": 700, "signals": (INPUT,)}
    return believed(stream, [make_finding(**usual | changes)])  # type: ignore[arg-type]  # fields of a finding


def test_an_estimate_from_before_the_inputs_changed_is_void_until_it_is_of_rows_since() -> None:
    """Its own check sees a window that is mostly from before; it says since when, and comes back by itself."""
    void = _estimate(699)
    assert void is not None
    assert (void.valid, void.estimate) == (False, 0.98)
    since = make_finding().onset.strftime("%H:%M")
    assert void.reason == f"the input has changed since {since} UTC; too few inferences since to say"
    assert _estimate(700) == ESTIMATE


def test_an_estimate_stands_beside_what_is_not_about_the_inputs_of_its_stream() -> None:
    """A slow model answers as well as before; and another stream's camera is its own."""
    slow = replace(INPUT, name="latency", role="runtime")
    assert _estimate(0, signals=(slow,)) == replace(ESTIMATE, first_row=0)
    assert _estimate(0, stream=STREAM) == replace(ESTIMATE, first_row=0)


class _Estimating(FarDetector):
    """Estimates from all that it saw."""

    def accuracy(self) -> AccuracyEstimate:
        """Say that all is well."""
        return replace(ESTIMATE, first_row=0)


def test_the_status_of_a_stream_tells_no_estimate_from_before_its_inputs_changed() -> None:
    """It is valid in calm, and void with the finding, also for who has closed that as real."""
    pipeline = Pipeline(
        collectors=[ListCollector([OPENED, block(CALM)], [block(CALM, 10)], [block(FAR, 20)])], store=MemoryStore(),
        explainer=PlainExplainer(), factories=factories(far=(FarDetector, 0.5), accuracy=(_Estimating, 0.1)),
        clock=ManualClock(), alarms=AlarmsConfig(), commit_seconds=5.0,
    )  # fmt: skip
    pipeline.tick()
    pipeline.tick()
    assert _valid(pipeline)
    pipeline.tick()
    assert not _valid(pipeline)
    for finding in pipeline.findings():
        pipeline.judge(finding.id, "real", "")
    assert (_valid(pipeline), pipeline.findings()) == (False, ())


def _valid(pipeline: Pipeline) -> bool:
    (stream,) = pipeline.streams()
    assert stream.accuracy is not None
    return stream.accuracy.valid
