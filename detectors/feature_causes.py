"""What can be wrong with single readings: missing, frozen, out of range, noisy, filled in, or coded otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.camera_causes import IMAGE
from detectors.picture import Hypothesis, over_noise
from detectors.wording import HALF, SCATTER, describe

if TYPE_CHECKING:
    from agent.model import Effect
    from detectors.picture import Picture

ALONE = 0.6  # of all change of the inputs
WEAKEST_SHARE = 0.35  # of its strength that a range fault keeps beside inputs that all change


def quality_causes(picture: Picture) -> list[Hypothesis]:
    """Explain faults of single signals: missing, frozen, out of range, or not a number."""
    found = []
    for score in picture.case.scores:
        name = score.signal.name
        if score.detector != "quality" or name in (*IMAGE, "repeated_frame", "stuck_pixels"):
            continue
        if score.signal.role == "output":
            found.append(
                Hypothesis(
                    "model", f"model gives no finite result ({name})", 0.9, score.detail,
                    "Look at the input of such an inference; put the former model file back if it was changed.",
                    faulty=True,
                )
            )  # fmt: skip
        elif score.detail.startswith("missing") or name.endswith("_nonfinite"):
            found.append(
                Hypothesis(
                    "data", f"{name} is missing or not finite", 0.85, score.detail,
                    f"Check the source of {name}: cable, connection, and the code that reads it.", faulty=True,
                )
            )  # fmt: skip
        else:
            stuck = score.detail.startswith("stuck")
            # Where all inputs left their places together, one beyond its range is part of that.
            weight = 1.0 if stuck else max(WEAKEST_SHARE, _share(picture, name))
            found.append(
                Hypothesis(
                    "sensor", f"sensor of {name} {'stuck' if stuck else 'out of range'}", 0.85 * weight, score.detail,
                    f"Check the sensor of {name}, its cable and its calibration.", faulty=True,
                )
            )  # fmt: skip
    return found


def feature_causes(picture: Picture) -> list[Hypothesis]:
    """Explain by one feature that changed alone."""
    plain = [e for e in picture.inputs if e.signal.name not in IMAGE]
    changes = {e.signal.name: over_noise(e) for e in plain}
    total = sum(changes.values())
    alarmed = [score.signal.name for score in picture.case.scores if score.signal.name in changes]
    if total > 0:
        name = max(changes, key=lambda key: changes[key])
    elif alarmed:
        name = alarmed[0]
    else:
        return []
    share = changes[name] / total if total > 0 else ALONE
    return _of_one(picture.effects[name], share) if share >= ALONE else []


def _of_one(effect: Effect, share: float) -> list[Hypothesis]:
    said = describe(effect)
    return _lost(effect, share, said) or _repeated(effect, share, said) or _reads(effect, share, said)


def _lost(effect: Effect, share: float, said: str) -> list[Hypothesis]:
    name, before, now = effect.signal.name, effect.before, effect.now
    source = f"Check the source of {name}, and what is put in when it is away."
    if effect.recent_mean is None:
        return [Hypothesis("data", f"{name} is missing", 0.8 * share, said, source)]
    if before is None or now is None:
        return []
    if abs(now.missing - before.missing) >= HALF * effect.ks > 0:
        often = "more" if now.missing > before.missing else "less"
        return [Hypothesis("data", f"{name} is missing {often} often", 0.8 * share, said, source)]
    if now.deviation == 0 and before.deviation:
        sensor = f"Check the sensor of {name}, its cable, and the code that reads it."
        return [Hypothesis("sensor", f"sensor of {name} stuck", 0.8 * share, said, sensor, faulty=True)]
    return []


def _repeated(effect: Effect, share: float, said: str) -> list[Hypothesis]:
    """Explain a value whose share grew: put in for missing ones, or a category that is new."""
    name, frequent = effect.signal.name, effect.frequent
    if frequent is None or frequent.now - frequent.before < max(HALF * effect.ks, effect.ks_noise or 0.0):
        return []
    if effect.signal.kind != "categorical":
        filled = f"{name} repeats one value, perhaps put in for missing ones"
        source = f"Check the source of {name}, and what is put in when it is away."
        return [Hypothesis("data", filled, 0.8 * share, said, source)]
    if frequent.before > 0:
        return []
    stands = f"{frequent.name} means" if frequent.name else f"{frequent.value:g} stands for"
    coded = f"Check what {stands} in {name}, and whether the model was taught it."
    return [Hypothesis("data", f"{name} has a category that it never had", 0.8 * share, said, coded)]


def _reads(effect: Effect, share: float, said: str) -> list[Hypothesis]:
    name = effect.signal.name
    advice = f"Check the sensor of {name}, its calibration, and any change in how {name} is computed."
    coded = f"{name} is computed or coded differently"
    if effect.signal.kind == "categorical":
        return [Hypothesis("data", coded, 0.5 * share, said, advice)]
    reads = "is noisier" if _ratio(effect) > SCATTER and "scatter" in said else "reads differently"
    return [
        Hypothesis("sensor", f"sensor of {name} {reads}", 0.55 * share, said, advice),
        Hypothesis("data", coded, 0.35 * share, f"{name} changed alone", advice),
    ]


def _ratio(effect: Effect) -> float:
    if effect.before is None or effect.now is None or not effect.before.deviation:
        return 1.0
    return (effect.now.deviation or 0.0) / effect.before.deviation


def _share(picture: Picture, name: str) -> float:
    """Give how much of all change of the inputs is that of one; all of it where none is more than noise."""
    total = sum(over_noise(e) for e in picture.inputs)
    return picture.excess(name) / total if total > 0 else 1.0
