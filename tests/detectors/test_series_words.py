from __future__ import annotations

import pytest

from agent.model import Effect, Role, Score, Signal, Stream
from agent.ports import Case, Explanation
from detectors.host_series import HOST_SERIES
from detectors.series_words import WORDS, SeriesExplainer
from detectors.stream_series import LATENCY, THROUGHPUT

METER = Stream(model="meter-reader")


class Others:
    """Says that it was asked."""

    def explain(self, case: Case) -> Explanation:
        names = ", ".join(score.detector for score in case.scores)
        return Explanation(kind="slow", severity="critical", causes=(), sentence=f"others: {names}", advice="")


def score(signal: Signal, detector: str = "series", shape: str = "level shift") -> Score:
    """Alarm."""
    return Score(detector=detector, stream=METER, signal=signal, time_ns=0, row=0, value=20, threshold=15, detail=shape)


def effect(signal: Signal, before: float, now: float, wasserstein: float = 5.0) -> Effect:
    """Change from one level to another."""
    return Effect(signal=signal, psi=5, ks=1, wasserstein=wasserstein, reference_mean=before, recent_mean=now, rows=20)


def said(*changes: tuple[Signal, float, float], shape: str = "level shift") -> Explanation:
    """Explain series that changed so."""
    case = Case(
        stream=METER,
        scores=tuple(score(signal, shape=shape) for signal, _, _ in changes),
        effects=tuple(effect(*change) for change in changes),
        host=(),
        changes=(),
    )
    return SeriesExplainer(Others()).explain(case)


def series(name: str, unit: str, role: Role = "host") -> Signal:
    """Name a series."""
    return Signal(name, role, "continuous", unit)


@pytest.mark.parametrize(
    ("signal", "before", "now", "shape", "sentence", "severity", "advice"),
    [
        (series("temperature cpu-thermal", "Cel"), 52, 78, "spike",
         "Temperature of cpu-thermal jumped from 52 °C to 78 °C", "warning", "fan"),
        (series("temperature cpu-thermal", "Cel"), 52, 93, "level shift",
         "Temperature of cpu-thermal rose from 52 °C to 93 °C", "critical", "vents"),
        (series("fan cooler fan1", "rpm"), 3100, 0, "level shift",
         "Fan cooler fan1 fell from 3100 rpm to 0 rpm", "critical", "turns"),
        (series("memory of meter-reader", "By"), 4.1e8, 9e8, "trend",
         "Memory of meter-reader rises steadily from 410 MB to 900 MB", "warning", "restart the service"),
        (series("memory", "1"), 0.4, 0.97, "", "Memory in use rose from 40 % to 97 %", "critical", "top"),
        (series("other programs", "1"), 0.1, 0.85, "",
         "Processor time of other programs rose from 10 % to 85 %", "warning", "stop or move"),
        (LATENCY.signal, 0.0123, 0.0301, "", "Median latency rose from 12.3 ms to 30.1 ms", "warning", "load"),
        (LATENCY.signal, 0.0123, 0.0801, "", "Median latency rose from 12.3 ms to 80.1 ms", "critical", "load"),
        (THROUGHPUT.signal, 10, 2, "", "Throughput fell from 10 inferences/s to 2 inferences/s", "warning", "camera"),
        (THROUGHPUT.signal, 10, 30, "", "Throughput rose from 10 inferences/s to 30 inferences/s", "info", "camera"),
    ],
)  # fmt: skip
def test_a_change_in_a_technicians_words(
    signal: Signal, before: float, now: float, shape: str, sentence: str, severity: str, advice: str
) -> None:
    """The sentence gives both levels with their unit; the advice says where to look."""
    explanation = said((signal, before, now), shape=shape)
    assert (explanation.sentence, explanation.severity) == (sentence, severity)
    assert advice in explanation.advice


def test_several_series_make_one_sentence_and_as_many_causes() -> None:
    """The worst leads, the others are named; the weights stay below 1."""
    heat, load = series("temperature soc", "Cel"), series("other programs", "1")
    explanation = said((load, 0.1, 0.9), (heat, 50, 95))
    expected = "Temperature of soc rose from 50 °C to 95 °C; also processor time of other programs"
    assert (explanation.kind, explanation.sentence) == ("device", expected)
    assert [cause.evidence for cause in explanation.causes] == ["50 °C before, 95 °C now", "10 % before, 90 % now"]
    assert sum(cause.weight for cause in explanation.causes) <= 1


def test_what_other_detectors_know_too_is_theirs_to_explain() -> None:
    """One slow-down is one finding, told once: by the detector that looks at every inference."""
    latency = Signal("latency", "runtime", "continuous", "s")
    scores = (score(LATENCY.signal), score(latency, detector="latency"))
    case = Case(stream=METER, scores=scores, effects=(), host=(), changes=())
    assert SeriesExplainer(Others()).explain(case).sentence == "others: latency"


def test_there_are_words_for_every_series() -> None:
    """A row of the table without words would fail at the first alarm."""
    known = {row.name for row in HOST_SERIES} | {LATENCY.signal.name, THROUGHPUT.signal.name}
    assert known == set(WORDS)


def test_a_series_without_figures_is_named_all_the_same() -> None:
    """After a restart the figures may be missing for a moment."""
    case = Case(stream=METER, scores=(score(THROUGHPUT.signal),), effects=(), host=(), changes=())
    assert SeriesExplainer(Others()).explain(case).sentence == "Throughput is not as usual"
