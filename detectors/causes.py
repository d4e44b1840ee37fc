"""What can be wrong beside camera, readings and machine: the model file, the form of the data, the calls, the world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.camera_causes import IMAGE
from detectors.picture import Hypothesis, over_noise, over_noise_same_mix
from detectors.wording import describe

if TYPE_CHECKING:
    from agent.model import StreamChange
    from detectors.picture import Picture

CLASS_MIX = "mix of classes has changed"
MIX_CHANGED = 0.1  # total variation beyond noise
ALONE = 0.6  # of all change of the inputs
REST = 0.3  # of its change that a signal the class mix explains may keep
STILL = 0.25  # of the outputs' change that inputs may show when the model alone has changed
SLACK_NS = 10_000_000_000  # a change this long before the onset may be its cause: services take time to come up,
SLACK_DELAYS = 2  # and onsets are known so far, in times of the delay
LONG_BEFORE = 0.1  # of its strength that a change keeps which came long before, or after the alarm


def error_causes(picture: Picture) -> list[Hypothesis]:
    """Explain calls that raise: the caller and the model do not fit, or the runtime is broken."""
    failing = next((score for score in picture.case.scores if score.detector == "errors"), None)
    if failing is None:
        return []
    return [
        Hypothesis(
            "data", "the service sends what the model cannot take", 0.6, failing.detail,
            "Read the exception in the service's log; compare its input's name, shape and type with the model's.",
            faulty=True,
        )
    ]  # fmt: skip


def change_causes(picture: Picture) -> list[Hypothesis]:
    """Explain by what is known to have been changed, shortly before the onset: the model file, or the form of data."""
    found = []
    own = picture.case.stream.sha256
    for change in picture.case.changes:
        other = change.stream.sha256
        if change.kind == "opened" and own and other and other != own:
            found.append(
                Hypothesis(
                    "model", "model file was changed", 0.95 * _timely(picture, _switched(picture, change)),
                    f"{other[:12]} beside {own[:12]}",
                    "If the update was meant, make it the new normal (driftline baseline accept); if not, put the "
                    "former model file back.",
                )
            )  # fmt: skip
            break
    for change in picture.case.changes:
        if change.kind in ("shape", "dtype", "missing"):
            found.append(
                Hypothesis(
                    "data", "form of the data was changed", 0.9 * _timely(picture, change.time_ns),
                    change.detail or change.kind,
                    "Compare the input's shape, types and columns with what the model was made for.",
                )
            )  # fmt: skip
            break
    return found


def world_causes(picture: Picture) -> list[Hypothesis]:
    """Explain by what comes before the camera or the sensors: another mix of classes, or inputs that move together."""
    prediction = picture.effects.get("prediction")
    changed = [e for e in picture.inputs if over_noise(e) > 0]
    total = sum(over_noise(e) for e in changed)
    if prediction is not None and over_noise(prediction) > MIX_CHANGED:
        left = sum(over_noise_same_mix(e) for e in picture.inputs)
        unexplained = left / total if total > 0 else 1.0
        if unexplained <= REST:
            return [
                Hypothesis(
                    "world", CLASS_MIX, 0.9 * (1 - unexplained), describe(prediction),
                    "Nothing is broken: check whether this mix is expected here; if it is, make it the new normal: "
                    "driftline baseline accept",
                )
            ]  # fmt: skip
    plain = [e for e in changed if e.signal.name not in IMAGE]
    if len(plain) < 2 or max(over_noise(e) for e in plain) >= ALONE * total:  # noqa: PLR2004
        return []
    share = len(plain) / len(picture.inputs)
    names = ", ".join(describe(e) for e in sorted(plain, key=lambda e: -e.ks)[:3])
    return [
        Hypothesis(
            "world", "what is measured has changed", min(0.8, 0.4 + share), names,
            "Check what has changed on site; if it is here to stay, make it the new normal (driftline baseline accept) "
            "or retrain the model.",
        )
    ]  # fmt: skip


def model_causes(picture: Picture) -> list[Hypothesis]:
    """Explain outputs that changed while no input did, or hardly."""
    roles = {score.signal.role for score in picture.case.scores}
    inputs = max((over_noise(e) for e in picture.inputs), default=0.0)
    outputs = max((over_noise(e) for e in picture.outputs), default=0.0)
    if not picture.inputs or "output" not in roles or "input" in roles or inputs > STILL * outputs:
        return []
    changed = [e for e in picture.outputs if e.signal.name in picture.alarmed]
    still = 1 - inputs / outputs if outputs > 0 else 1.0
    return [
        Hypothesis(
            "model", "model answers differently to the same kind of input", 0.8 * still,
            "; ".join(describe(e) for e in sorted(changed, key=lambda e: -e.ks)[:2])
            + ("; no input changed" if inputs == 0 else "; inputs hardly changed"),
            "Check whether the model, its runtime or its preprocessing was updated; put the former back if so.",
        )
    ]  # fmt: skip


def _switched(picture: Picture, other: StreamChange) -> int:
    """Say when the files were exchanged: when this one came after the other, else when the other came."""
    own = picture.case.stream.sha256
    later = [c.time_ns for c in picture.case.changes if c.kind == "opened" and c.stream.sha256 == own]
    return max((time_ns for time_ns in later if time_ns >= other.time_ns), default=other.time_ns)


def _timely(picture: Picture, time_ns: int) -> float:
    """Give how well a moment fits the onset: fully from a little before it up to the alarm, else less and less."""
    case = picture.case
    if not case.onset_ns:
        return 1.0
    if time_ns > max(case.opened_ns, case.onset_ns):
        return LONG_BEFORE
    slack = max(SLACK_NS, SLACK_DELAYS * max(case.opened_ns - case.onset_ns, 0))
    return max(LONG_BEFORE, min(1.0, slack / max(1, case.onset_ns - time_ns)))
