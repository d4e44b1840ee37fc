"""Causes: a table of cases as they are measured, and the explanation that each should get."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from agent.model import Column, Effect, Frequent, Score, Signal, Stream, StreamChange
from agent.ports import Case
from detectors.cause import CauseExplainer

STREAM = Stream(model="meter-reader", sha256="ab" * 32)
SECOND = 1_000_000_000
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


def gaps(signal: Signal, share: float) -> Effect:
    """Make the effect of a signal that misses so many of its rows."""
    full, holed = (Column(missing=missing, mean=1, deviation=0.1, middle=1) for missing in (0.0, share))
    return msgspec.structs.replace(effect(signal, ks=share), before=full, now=holed)


def filled(signal: Signal, share: float) -> Effect:
    """Make the effect of a signal that holds one value in so many of its rows."""
    plain = Column(missing=0, mean=1, deviation=0.1, middle=1)
    often = Frequent(value=1.0, before=0.0, now=share)
    return msgspec.structs.replace(effect(signal, ks=share / 2), before=plain, now=plain, frequent=often)


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
    "noise": (camera(saturation=5, sharpness=0.35, contrast=0.4), "sensor", "pixels or noise", "gain"),
    "pictures that no rule names": (camera(saturation=5), "sensor", "look different", "earlier ones"),
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
        make_case(TABLE, {"rooms": gaps(TABLE["rooms"], 0.4)}), "data", "rooms is missing", "rooms",
    ),
    "constant put in": (
        make_case(TABLE, {"rooms": filled(TABLE["rooms"], 0.3)}), "data", "rooms repeats", "rooms",
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
    ("name", "kind"),
    [
        ("fouling", "input_shift"), ("class mix", "prediction_shift"), ("outputs alone", "prediction_shift"),
        ("slow", "slow"), ("frozen", "quality"), ("many features", "input_shift"),
    ],
)  # fmt: skip
def test_kind(name: str, kind: str) -> None:
    """The kind says what was seen: inputs, predictions, latency or quality."""
    assert CauseExplainer().explain(CASES[name][0]).kind == kind


def changed(time_ns: int, onset_ns: int, opened_ns: int) -> Case:
    """Make a case of missing values, after another model file came at some time."""
    other = StreamChange(stream=Stream(model="m", sha256="cd" * 32), kind="opened", time_ns=time_ns)
    case = make_case(TABLE, {"rooms": gaps(TABLE["rooms"], 0.4)}, changes=(other,))
    return msgspec.structs.replace(case, onset_ns=onset_ns, opened_ns=opened_ns)


@pytest.mark.parametrize(
    ("seconds_before", "first"), [(0, "model"), (5, "model"), (300, "data"), (86_400, "data"), (-100, "data")]
)
def test_a_change_explains_only_what_began_with_it(seconds_before: int, first: str) -> None:
    """Another model file is the first cause right before the onset, not when it came long before or after the alarm."""
    onset = 1_000_000 * SECOND
    case = changed(onset - seconds_before * SECOND, onset, onset + 2 * SECOND)
    assert CauseExplainer().explain(case).causes[0].kind == first


def test_files_are_exchanged_when_the_later_of_both_comes() -> None:
    """A rollback is dated by the return of the file that is judged, however long ago the other one came."""
    onset = 1_000_000 * SECOND
    case = changed(onset - 86_400 * SECOND, onset, onset + 2 * SECOND)
    back = StreamChange(stream=STREAM, kind="opened", time_ns=onset - SECOND)
    case = msgspec.structs.replace(case, changes=(back, *case.changes))
    assert CauseExplainer().explain(case).causes[0].kind == "model"


def test_a_range_fault_that_joins_does_not_rename_the_episode() -> None:
    """Less light stays a shift of the input when the brightness is also out of range."""
    alarms = (score(CAMERA["contrast"]), score(CAMERA["brightness"], "quality", "out of range in 12 of 20 inferences"))
    said = CauseExplainer().explain(camera(*alarms, contrast=-9, brightness=-5))
    assert (said.kind, said.causes[0].name) == ("input_shift", "camera sees less light")


def test_a_range_fault_that_comes_first_does_not_name_the_episode_either() -> None:
    """Less light is a shift of the input although only the range of the brightness has alarmed as yet."""
    early = score(CAMERA["brightness"], "quality", "out of range in 12 of 20 inferences")
    said = CauseExplainer().explain(camera(early, contrast=-9, brightness=-5))
    assert (said.kind, said.causes[0].name) == ("input_shift", "camera sees less light")


def test_one_signal_out_of_range_among_many_that_moved_is_the_world() -> None:
    """Where all inputs move together, that one of them leaves its range does not blame its sensor."""
    alarms = (*(score(TABLE[name]) for name in ("age", "income", "rooms")),)
    ranged = score(TABLE["age"], "quality", "out of range in 12 of 20 inferences")
    said = CauseExplainer().explain(table(*alarms, ranged, age=1.2, income=1, rooms=-1, height=0.9))
    assert (said.kind, said.causes[0].kind) == ("input_shift", "world")


def test_a_sentence_never_changes_the_letters_of_a_name() -> None:
    """A sentence that begins with a signal's name begins as the name does."""
    assert CauseExplainer().explain(table(income=1.5)).sentence.startswith("income rose from 1 to 1.15")


def test_outputs_that_change_while_a_noisy_input_wobbles_are_the_models() -> None:
    """An input just over its band of chance does not clear the model."""
    wobble = {"age": effect(TABLE["age"], ks=0.1), "confidence": effect(TABLE["confidence"], -1.5)}
    said = CauseExplainer().explain(make_case(TABLE, wobble, score(TABLE["confidence"])))
    assert said.causes[0].kind == "model"


def test_another_mix_of_answers_to_the_same_inputs_is_the_models() -> None:
    """A mix of predictions that changes while no input does is no change of the world."""
    shifted = {"prediction": effect(TABLE["prediction"], ks=0.4, left=0.0)}
    said = CauseExplainer().explain(make_case(TABLE, shifted, score(TABLE["prediction"])))
    assert said.causes[0].kind == "model"


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
    assert said.sentence.startswith("age is missing")
    assert np.isfinite(said.causes[0].weight)


def test_the_cause_of_a_river_finding_is_in_the_signal_that_river_named() -> None:
    """Another input that is further off does not give the cause."""
    named = score(TABLE["age"], "river adwin", "ADWIN: age: 1.1, was 1")
    said = CauseExplainer().explain(
        make_case(TABLE, {"age": effect(TABLE["age"], 0.6), "height": effect(TABLE["height"], 3.0)}, named)
    )
    assert said.sentence == "ADWIN: age: 1.1, was 1; most likely: sensor of age reads differently."


def test_what_is_within_its_noise_is_not_told_beside_what_is_not() -> None:
    """A signal that alarmed by another measure is left out of the sentence where its effect is chance."""
    near = msgspec.structs.replace(effect(TABLE["rooms"], 0.05), ks_noise=0.08, wasserstein_noise=0.1)
    scores = [score(TABLE[name]) for name in ("age", "rooms")]
    said = CauseExplainer().explain(make_case(TABLE, {"age": effect(TABLE["age"], 2.0), "rooms": near}, *scores))
    assert "rooms" not in said.sentence
    alone = CauseExplainer().explain(make_case(TABLE, {"rooms": near}, scores[1]))
    assert alone.sentence.startswith("rooms hardly changed")
