"""What can be wrong beside the camera: the device, the model file, the data's shape, one feature, the world."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from detectors.camera_causes import IMAGE
from detectors.picture import Hypothesis, describe, over_noise

if TYPE_CHECKING:
    from agent.model import Effect
    from detectors.picture import Picture

BUSY, SHORT_OF_MEMORY, SWAPPING, HOT_CELSIUS = 0.9, 0.92, 0.3, 80.0
CLASS_MIX = "mix of classes has changed"
MIX_CHANGED = 0.1  # total variation beyond noise
ALONE = 0.6  # of all change of the inputs
REST = 0.3  # of its change that a signal the class mix explains may keep


def device_causes(picture: Picture) -> list[Hypothesis]:
    """Explain slowness: by the host's readings where they say something, else by the service itself."""
    slow = next((score for score in picture.case.scores if score.detector == "latency"), None)
    if slow is None:
        return []
    found = []
    cpu = _highest(picture, "system.cpu.utilization")
    heat = _highest(picture, "hw.temperature")
    memory = max(_highest(picture, "system.memory.utilization", "used"), 0.0)
    swap = _highest(picture, "system.paging.utilization")
    if _highest(picture, "system.cpu.throttled") > 0:
        found.append(
            Hypothesis(
                "device", "processor is being slowed down by its own protection", 0.85,
                f"throttled{f', {heat:.0f} °C' if math.isfinite(heat) else ''}",
                "Check the power supply and its cable, then fan, vents and the room's temperature.",
            )
        )  # fmt: skip
    elif heat >= HOT_CELSIUS:
        found.append(
            Hypothesis(
                "device", "processor too hot: it slows down to protect itself", 0.85, f"{heat:.0f} °C",
                "Clean fan and vents, check the room's temperature; look for a fan that stands still.",
            )
        )  # fmt: skip
    if memory >= SHORT_OF_MEMORY or swap >= SWAPPING:
        found.append(
            Hypothesis(
                "device", "device is short of memory", 0.8, f"{memory:.0%} of memory, {max(swap, 0):.0%} of swap",
                "Find the program that takes the memory (`top`) and stop it, or restart the device.",
            )
        )  # fmt: skip
    if cpu >= BUSY:
        found.append(
            Hypothesis(
                "device", "other programs take the processor", 0.7, f"processor {100 * cpu:.0f} % busy",
                "Find the program that takes the processor (`top`) and stop or move it.",
            )
        )  # fmt: skip
    service = 0.3 if found else 0.7
    found.append(
        Hypothesis(
            "device", "inference service itself has become slower", service, slow.detail or "inferences take longer",
            "Restart the service; if it stays slow, look at its threads, its accelerator and its input size.",
        )
    )  # fmt: skip
    return found


def error_causes(picture: Picture) -> list[Hypothesis]:
    """Explain calls that raise: the caller and the model do not fit, or the runtime is broken."""
    failing = next((score for score in picture.case.scores if score.detector == "errors"), None)
    if failing is None:
        return []
    return [
        Hypothesis(
            "data", "the service sends what the model cannot take", 0.6, failing.detail,
            "Read the exception in the service's log; compare its input's name, shape and type with the model's.",
        )
    ]  # fmt: skip


def change_causes(picture: Picture) -> list[Hypothesis]:
    """Explain by what is known to have been changed: the model file, or the shape of the data."""
    found = []
    for change in picture.case.changes:
        other = change.stream.sha256
        if change.kind == "opened" and other and picture.case.stream.sha256 not in ("", other):
            found.append(
                Hypothesis(
                    "model", "model file was changed", 0.95, f"{other[:12]} beside {picture.case.stream.sha256[:12]}",
                    "If the update was meant, accept a new baseline; if not, put the former model file back.",
                )
            )  # fmt: skip
            break
    for change in picture.case.changes:
        if change.kind in ("shape", "dtype", "missing"):
            found.append(
                Hypothesis(
                    "data", "form of the data was changed", 0.9, change.detail or change.kind,
                    "Compare the input's shape, types and columns with what the model was made for.",
                )
            )  # fmt: skip
            break
    return found


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
                )
            )  # fmt: skip
        elif score.detail.startswith("missing") or name.endswith("_nonfinite"):
            found.append(
                Hypothesis(
                    "data", f"{name} is missing or not finite", 0.85, score.detail,
                    f"Check the source of {name}: cable, connection, and the code that reads it.",
                )
            )  # fmt: skip
        else:
            what = "stuck" if score.detail.startswith("stuck") else "out of range"
            found.append(
                Hypothesis(
                    "sensor", f"sensor of {name} {what}", 0.85, score.detail,
                    f"Check the sensor of {name}, its cable and its calibration.",
                )
            )  # fmt: skip
    return found


def world_causes(picture: Picture) -> list[Hypothesis]:
    """Explain by what comes before the camera or the sensors: another mix of classes, or inputs that move together."""
    prediction = picture.effects.get("prediction")
    changed = [e for e in picture.inputs if over_noise(e.ks, e.rows) > 0]
    total = sum(over_noise(e.ks, e.rows) for e in changed)
    if prediction is not None and over_noise(prediction.ks, prediction.rows) > MIX_CHANGED:
        left = sum(picture.excess_same_mix(e) for e in picture.inputs)
        unexplained = left / total if total > 0 else (1.0 if left > 0 else 0.0)
        if unexplained <= REST:
            return [
                Hypothesis(
                    "world", CLASS_MIX, 0.9 * (1 - unexplained), describe(prediction),
                    "Nothing is broken: check whether this mix is expected here; if it lasts, learn a new baseline.",
                )
            ]  # fmt: skip
    plain = [e for e in changed if e.signal.name not in IMAGE]
    if len(plain) < 2 or max(over_noise(e.ks, e.rows) for e in plain) >= ALONE * total:  # noqa: PLR2004
        return []
    share = len(plain) / len(picture.inputs)
    names = ", ".join(describe(e) for e in sorted(plain, key=lambda e: -e.ks)[:3])
    return [
        Hypothesis(
            "world", "what is measured has changed", min(0.8, 0.4 + share), names,
            "Check what has changed on site; if it is here to stay, learn a new baseline or retrain the model.",
        )
    ]  # fmt: skip


def feature_causes(picture: Picture) -> list[Hypothesis]:
    """Explain by one feature that changed alone."""
    plain = [e for e in picture.inputs if e.signal.name not in IMAGE]
    changes = {e.signal.name: over_noise(e.ks, e.rows) for e in plain}
    total = sum(changes.values())
    alarmed = [score.signal.name for score in picture.case.scores if score.signal.name in changes]
    if total > 0:
        name = max(changes, key=lambda key: changes[key])
    elif alarmed:
        name = alarmed[0]
    else:
        return []
    share = changes[name] / total if total > 0 else ALONE
    if share < ALONE:
        return []
    effect, score = picture.effects[name], picture.alarmed.get(name)
    detail = score.detail if score else ""
    if detail.startswith(("missing", "frequent value up", "repeated value up")):
        return [_filled(effect, detail, share)]
    advice = f"Check the sensor of {name}, its calibration, and any change in how {name} is computed."
    return [
        Hypothesis("sensor", f"sensor of {name} reads differently", 0.55 * share, describe(effect), advice),
        Hypothesis("data", f"{name} is computed or coded differently", 0.35 * share, f"{name} changed alone", advice),
    ]


def model_causes(picture: Picture) -> list[Hypothesis]:
    """Explain outputs that changed while no input did."""
    still = all(over_noise(e.ks, e.rows) <= 0 for e in picture.inputs)
    roles = {score.signal.role for score in picture.case.scores}
    if not (still and picture.inputs and "output" in roles and "input" not in roles):
        return []
    changed = [e for e in picture.outputs if e.signal.name in picture.alarmed]
    return [
        Hypothesis(
            "model", "model answers differently to the same kind of input", 0.7,
            "; ".join(describe(e) for e in sorted(changed, key=lambda e: -e.ks)[:2]) + "; no input changed",
            "Check whether the model, its runtime or its preprocessing was updated; put the former back if so.",
        )
    ]  # fmt: skip


def _filled(effect: Effect, detail: str, share: float) -> Hypothesis:
    name = effect.signal.name
    what = (
        "is missing more often"
        if detail.startswith("missing")
        else "repeats one value, perhaps put in for missing ones"
    )
    return Hypothesis(
        "data", f"{name} {what}", 0.8 * share, detail, f"Check the source of {name} and what is put in when it is away."
    )


def _highest(picture: Picture, name: str, state: str | None = None) -> float:
    values = [
        reading.value
        for reading in picture.case.host
        if reading.name == name and (state is None or dict(reading.labels).get("state", state) == state)
    ]
    return max(values, default=-math.inf)
