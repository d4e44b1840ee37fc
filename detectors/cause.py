"""Puts a finding into words: what kind it is, how bad, what the likely causes are, what to try first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent.model import Cause
from agent.ports import Explanation
from detectors.accuracy_fall import explain_fall
from detectors.camera_causes import camera_causes
from detectors.causes import CLASS_MIX, change_causes, error_causes, model_causes, world_causes
from detectors.device_causes import device_causes
from detectors.feature_causes import feature_causes, quality_causes
from detectors.picture import WEAKEST, Hypothesis, Picture, over_noise
from detectors.severity import severity_of
from detectors.wording import hardly, say

if TYPE_CHECKING:
    from agent.ports import Case

RULES = (
    change_causes,
    error_causes,
    quality_causes,
    camera_causes,
    device_causes,
    world_causes,
    feature_causes,
    model_causes,
)
KEPT = 4
NAMED = 3  # signals in a sentence
RIVER = "river "  # begins the names of river's detectors, which stand outside the alarm budget


class CauseExplainer:
    """Conforms to `agent.ports.Explainer`. Has no state."""

    def explain(self, case: Case) -> Explanation:
        """Rank the causes and say what to do."""
        fall = explain_fall(case)
        if fall is not None:
            return fall
        picture = Picture(_of_river(case))
        found = sorted((h for rule in RULES for h in rule(picture)), key=lambda h: -h.strength)
        best = {h.name: h for h in reversed(found)}  # one entry a name, the strongest
        ranked = sorted(best.values(), key=lambda h: -h.strength)[:KEPT] or [_unknown(picture)]
        total = max(1.0, sum(h.strength for h in ranked))
        causes = tuple(
            Cause(h.kind, h.name, round(h.strength / total, 3), h.evidence)
            for h in ranked
            if h.strength >= WEAKEST or h is ranked[0]
        )
        return Explanation(
            kind=_kind(case, ranked[0]),
            severity=severity_of(picture, ranked[0]),
            causes=causes,
            sentence=_sentence(picture, ranked[0]),
            advice=ranked[0].advice,
        )


def _kind(case: Case, cause: Hypothesis) -> str:
    """Say what was seen, by what explains it: a score that joined an episode does not rename it."""
    if any(score.detector == "errors" for score in case.scores):
        return "errors"
    if cause.faulty:
        return "quality"
    if _rivers(case):
        return "outliers" if all("half_space_trees" in score.detector for score in case.scores) else "drift"
    if all(score.signal.role == "runtime" for score in case.scores):
        return "slow"
    inputs = any(score.signal.role == "input" for score in case.scores)
    return "input_shift" if inputs and cause.name != CLASS_MIX else "prediction_shift"


def _sentence(picture: Picture, cause: Hypothesis) -> str:
    failing = next((score for score in picture.case.scores if score.detector == "errors"), None)
    if failing is not None:
        return f"Inferences fail: {failing.detail}; most likely: {cause.name}."
    if _rivers(picture.case):
        return f"{'; '.join(score.detail for score in picture.case.scores[:NAMED])}; most likely: {cause.name}."
    if cause.kind in ("device", "load"):
        return f"Inferences have become slow ({_detail(picture)}); most likely: {cause.name}."
    alarmed = {score.signal.name for score in picture.case.scores}
    told = [e for e in picture.case.effects if e.signal.name in alarmed and e.signal.kind != "flag"]
    # Inputs come before what follows from them, but for a change of the classes, which is told by the predictions.
    first = "output" if cause.name == CLASS_MIX else "input"
    clear = [e for e in told if not hardly(e)]
    told = clear or told  # what chance alone may show is told as such, and only where there is nothing else
    told.sort(key=lambda e: (e.signal.role != first, -over_noise(e), -e.ks))
    words = say(told[:NAMED]) or ", ".join(
        f"{score.signal.name} {score.detail}".strip() for score in picture.case.scores[:NAMED]
    )
    return f"{words}; most likely: {cause.name}."


def _rivers(case: Case) -> bool:
    """Whether nothing but river's detectors raised the alarms: then the words are theirs, and so is the promise."""
    return bool(case.scores) and all(score.detector.startswith(RIVER) for score in case.scores)


def _of_river(case: Case) -> Case:
    """Leave out the inputs that river did not name, where it named one: the cause is looked for in that."""
    named = {score.signal.name for score in case.scores}
    if not _rivers(case) or not any(score.signal.role == "input" for score in case.scores):
        return case
    effects = tuple(e for e in case.effects if e.signal.role != "input" or e.signal.name in named)
    return msgspec.structs.replace(case, effects=effects)


def _detail(picture: Picture) -> str:
    return next((score.detail for score in picture.case.scores if score.signal.role == "runtime"), "")


def _unknown(picture: Picture) -> Hypothesis:
    names = ", ".join(score.signal.name for score in picture.case.scores[:NAMED])
    return Hypothesis(
        "data", "change in the data that no rule explains", 0.2, names or "no signal",
        f"Compare recent values of {names or 'the inputs'} with earlier ones.",
        faulty=all(score.detector == "quality" for score in picture.case.scores),
    )  # fmt: skip
