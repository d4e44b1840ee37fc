"""Causes: a table of cases as they are measured, and the explanation that each should get."""

from __future__ import annotations

import numpy as np
import pytest

from agent.model import Effect, Reading, Score, Signal, Stream, StreamChange
from agent.ports import Case
from detectors.cause import CauseExplainer

STREAM = Stream(model="meter-reader", sha256="ab" * 32)
CAMERA = {
    name: Signal(name, "input") for name in ("brightness", "contrast", "sharpness", "saturation", "tilt")
} | {
    "repeated_frame": Signal("repeated_frame", "input", "flag"),
    "stuck_pixels": Signal("stuck_pixels", "input", "flag"),
    "prediction": Signal("prediction", "output", "categorical"),
    "confidence": Signal("confidence", "output"),
    "latency": Signal("latency", "runtime", "continuous", "s"),
}  # fmt: skip
TABLE = {name: Signal(name, "input") for name in ("age", "income", "rooms", "height")} | {
    "prediction": CAMERA["prediction"],
    "confidence": CAMERA["confidence"],
}


def effect(signal: Signal, moved: float = 0.0, ks: float | None = None, left: float | None = None) -> Effect:
    """Make the effect of a signal of mean 1 and deviation .1 that moved by so many deviations."""
    distance = min(1.0, abs(moved) / 2.5) if ks is None else ks
    return Effect(
        signal=signal, psi=4 * distance, ks=distance, wasserstein=abs(moved), reference_mean=1.0,
        recent_mean=1 + 0.1 * moved, rows=500, ks_same_mix=distance if left is None else left,
    )  # fmt: skip


def score(signal: Signal, detector: str = "shift", detail: str = "rank up") -> Score:
    """Make an alarm of a signal."""
    return Score(
        detector=detector, stream=STREAM, signal=signal, time_ns=1, row=9, value=15.0, threshold=13.8, detail=detail
    )


def make_case(signals: dict[str, Signal], changed: dict[str, Effect], *scores: Score, **more: object) -> Case:
    """Put effects and alarms together; signals that are not named have not changed."""
    alarms = scores or tuple(score(e.signal) for e in changed.values())
    effects = tuple(changed.get(name, effect(signal)) for name, signal in signals.items())
    fields: dict[str, object] = {"host": (), "changes": ()} | more
    return Case(stream=STREAM, scores=alarms, effects=effects, **fields)  # type: ignore[arg-type]


def camera(*scores: Score, left: dict[str, float] | None = None, **moved: float) -> Case:
    """Make a case of image statistics that moved by so many deviations."""
    changed = {name: effect(CAMERA[name], by, left=(left or {}).get(name)) for name, by in moved.items()}
    return make_case(CAMERA, changed, *scores)


def table(*scores: Score, **moved: float) -> Case:
    """Make a case of features that moved by so many deviations."""
    return make_case(TABLE, {name: effect(TABLE[name], by) for name, by in moved.items()}, *scores)


MIX = {"tilt": 0.05, "contrast": 0.05, "sharpness": 0.05, "prediction": 0.0}
CASES = {
    "fouling": (camera(contrast=-8, sharpness=-1.8, brightness=2, confidence=-4), "sensor", "lens dirty", "lens"),
    "fouling, early": (camera(contrast=-0.5), "sensor", "lens dirty", "lens"),
    "dim": (camera(contrast=-9, brightness=-5, confidence=-1), "sensor", "less light", "lamp"),
    "bright": (camera(brightness=4, saturation=1), "sensor", "more light", "exposure"),
    "turned": (camera(tilt=-1.8, contrast=-2.8, sharpness=-0.7, confidence=-2), "sensor", "turned", "mounted"),
    "bright pixel": (camera(sharpness=1.2, brightness=0.4, contrast=0.5), "sensor", "pixels", "dots"),
    "stuck pixels": (
        camera(score(CAMERA["stuck_pixels"], "quality", "above 0"), sharpness=1.2, stuck_pixels=10),
        "sensor", "stuck pixels", "dots",
    ),
    "frozen": (
        camera(score(CAMERA["repeated_frame"], "quality", "above 0"), repeated_frame=10), "sensor", "frozen", "cable",
    ),
    "class mix": (
        camera(prediction=2, tilt=0.8, contrast=0.5, sharpness=-0.5, left=MIX), "world", "mix of classes", "baseline",
    ),
    "slow": (camera(score(CAMERA["latency"], "latency", "20 ms"), latency=50), "device", "service itself", "Restart"),
    "one feature": (table(income=1.5), "sensor", "sensor of income", "income"),
    "many features": (table(income=1, age=-1, rooms=0.8, prediction=0.8), "world", "measured has changed", "site"),
    "outputs alone": (table(confidence=-1.5), "model", "answers differently", "updated"),
    "feature often missing": (
        table(score(TABLE["rooms"], detail="missing up"), rooms=1), "data", "rooms is missing", "rooms",
    ),
    "constant put in": (
        table(score(TABLE["rooms"], detail="repeated value up"), rooms=0.6), "data", "rooms repeats", "rooms",
    ),
    "feature gone": (
        table(score(TABLE["age"], "quality", "missing or not finite in 20 of 20 inferences")), "data", "age is missing",
        "cable",
    ),
    "sensor stuck": (
        table(score(TABLE["height"], "quality", "stuck at 2 for 90 inferences")), "sensor", "height stuck", "height",
    ),
    "model gives NaN": (
        table(score(TABLE["confidence"], "quality", "missing or not finite in an inference")), "model", "no finite",
        "model file",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_names_the_cause(name: str) -> None:
    """Each case gets the right class first, a sentence with its name, and advice that fits."""
    case, kind, words, advice = CASES[name]
    said = CauseExplainer().explain(case)
    assert (said.causes[0].kind, words in said.causes[0].name) == (kind, True), said
    assert said.causes[0].name in said.sentence
    assert advice in said.advice
    assert all(cause.evidence for cause in said.causes)
    assert [cause.weight for cause in said.causes] == sorted((c.weight for c in said.causes), reverse=True)
    assert sum(cause.weight for cause in said.causes) <= 1.002


def slow(*host: Reading) -> Case:
    """Make a case of slow inferences on a host with these readings."""
    return make_case(
        CAMERA, {"latency": effect(CAMERA["latency"], 50)}, score(CAMERA["latency"], "latency", "20 ms"), host=host
    )


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (Reading("system.cpu.utilization", "1", 0.97, 1), "other programs"),
        (Reading("hw.temperature", "Cel", 91.0, 1, (("sensor", "cpu"),)), "too hot"),
        (Reading("system.memory.utilization", "1", 0.97, 1, (("state", "used"),)), "short of memory"),
        (Reading("system.paging.utilization", "1", 0.8, 1), "short of memory"),
        (Reading("system.memory.utilization", "1", 0.97, 1, (("state", "free"),)), "service itself"),
        (Reading("system.cpu.throttled", "1", 1.0, 1), "slowed down by its own protection"),
        (Reading("system.cpu.throttled", "1", 0.0, 1), "service itself"),
        (Reading("system.cpu.utilization", "1", 0.2, 1), "service itself"),
    ],
)
def test_the_host_explains_slowness(reading: Reading, words: str) -> None:
    """Heat, a busy processor and lack of memory come before the service itself, where they are seen."""
    said = CauseExplainer().explain(slow(reading))
    assert (said.kind, said.causes[0].kind) == ("slow", "device")
    assert words in said.causes[0].name


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (StreamChange(stream=Stream(model="m", sha256="cd" * 32), kind="opened", time_ns=1), "model", "model file"),
        (StreamChange(stream=STREAM, kind="opened", time_ns=1), "world", "measured has changed"),
        (StreamChange(stream=STREAM, kind="shape", time_ns=1, detail="4 to 5 columns"), "data", "form of the data"),
        (StreamChange(stream=STREAM, kind="dtype", time_ns=1, detail="float to double"), "data", "form of the data"),
        (StreamChange(stream=STREAM, kind="lost", time_ns=1, count=3), "world", "measured has changed"),
    ],
)
def test_what_was_changed_comes_first(change: StreamChange, kind: str, words: str) -> None:
    """Another model file or another shape explains a shift better than anything else; other events do not."""
    changed = {name: effect(TABLE[name], 1.0) for name in ("age", "income", "rooms")}
    said = CauseExplainer().explain(make_case(TABLE, changed, changes=(change,)))
    assert (said.causes[0].kind, words in said.causes[0].name) == (kind, True)


@pytest.mark.parametrize(
    ("moved", "severity"), [(0.02, "info"), (0.6, "warning"), (4.0, "critical"), (-4.0, "critical")]
)
def test_severity_follows_the_effect(moved: float, severity: str) -> None:
    """Whatever the evidence, a tiny effect is information and a large one critical."""
    assert CauseExplainer().explain(table(score(TABLE["age"]), age=moved)).severity == severity


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("fouling", "input_shift"), ("class mix", "prediction_shift"), ("outputs alone", "prediction_shift"),
        ("slow", "slow"), ("frozen", "quality"), ("many features", "input_shift"),
    ],
)  # fmt: skip
def test_kind(name: str, kind: str) -> None:
    """The kind says what was seen: inputs, predictions, latency or quality."""
    assert CauseExplainer().explain(CASES[name][0]).kind == kind


def test_a_case_that_no_rule_explains_still_gets_an_explanation() -> None:
    """No effect at all, and a signal that alarmed: an honest 'no rule explains' with little weight."""
    said = CauseExplainer().explain(
        Case(stream=STREAM, scores=(score(CAMERA["tilt"]),), effects=(), host=(), changes=())
    )
    assert "no rule explains" in said.causes[0].name
    assert said.causes[0].weight <= 0.2
    assert said.severity == "info"


def test_missing_means_are_no_obstacle() -> None:
    """Signals that were never seen, or are gone, have no means and are explained without an error."""
    gone = Effect(signal=TABLE["age"], psi=9.0, ks=1.0, wasserstein=0.0, reference_mean=1.0, recent_mean=None, rows=500)
    never = Effect(
        signal=TABLE["rooms"], psi=0.0, ks=0.0, wasserstein=0.0, reference_mean=None, recent_mean=None, rows=1
    )
    said = CauseExplainer().explain(make_case(TABLE, {"age": gone, "rooms": never}, score(TABLE["age"])))
    assert said.sentence.startswith("Age is missing")
    assert np.isfinite(said.causes[0].weight)
