"""Puts a finding into words: what kind it is, how bad, what the likely causes are, what to try first.

Severity follows from the effect, not from the evidence: the evidence for a tiny change grows without end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.model import Cause
from agent.ports import Explanation
from detectors.camera_causes import camera_causes
from detectors.causes import (
    CLASS_MIX,
    change_causes,
    device_causes,
    error_causes,
    feature_causes,
    model_causes,
    quality_causes,
    world_causes,
)
from detectors.picture import Hypothesis, Picture, describe, over_noise

if TYPE_CHECKING:
    from agent.model import Severity
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
KEPT, WEAKEST = 4, 0.05
NAMED = 3  # signals in a sentence
RIVER = "river "  # begins the names of river's detectors, which stand outside the alarm budget
# Limits on distance (of distributions, 0 to 1) and on the shift in standard deviations of the reference.
CRITICAL_DISTANCE, CRITICAL_SHIFT = 0.6, 2.0
WARNING_DISTANCE, WARNING_SHIFT = 0.1, 0.3
CRITICAL_SLOWNESS = 5.0  # times the usual latency


class CauseExplainer:
    """Conforms to `agent.ports.Explainer`. Has no state."""

    def explain(self, case: Case) -> Explanation:
        """Rank the causes and say what to do."""
        picture = Picture(case)
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
            severity=_severity(picture, ranked[0]),
            causes=causes,
            sentence=_sentence(picture, ranked[0]),
            advice=ranked[0].advice,
        )


def _kind(case: Case, cause: Hypothesis) -> str:
    if any(score.detector == "errors" for score in case.scores):
        return "errors"
    if any(score.detector == "quality" for score in case.scores):
        return "quality"
    if all(score.detector.startswith(RIVER) for score in case.scores):
        return "outliers" if all(score.detector.endswith("_trees") for score in case.scores) else "drift"
    if all(score.signal.role == "runtime" for score in case.scores):
        return "slow"
    inputs = any(score.signal.role == "input" for score in case.scores)
    return "input_shift" if inputs and cause.name != CLASS_MIX else "prediction_shift"


def _severity(picture: Picture, cause: Hypothesis) -> Severity:
    if any(score.detector == "errors" for score in picture.case.scores):
        return "critical"
    if cause.kind == "device":
        latency = next((e for e in picture.case.effects if e.signal.role == "runtime"), None)
        before, now = (latency.reference_mean, latency.recent_mean) if latency else (None, None)
        slow = before is not None and now is not None and now > CRITICAL_SLOWNESS * before
        return "critical" if slow else "warning"
    if any(s.detector == "quality" and s.signal.role == "output" for s in picture.case.scores):
        return "critical"
    judged = [*picture.inputs, *picture.outputs]
    distance = max((over_noise(e.ks, e.rows) for e in judged), default=0.0)
    shift = max((e.wasserstein for e in judged if over_noise(e.ks, e.rows) > 0), default=0.0)
    if cause.kind == "world":
        return "warning" if distance >= WARNING_DISTANCE else "info"
    if distance >= CRITICAL_DISTANCE or shift >= CRITICAL_SHIFT:
        return "critical"
    faulty = any(score.detector == "quality" for score in picture.case.scores)
    return "warning" if faulty or distance >= WARNING_DISTANCE or shift >= WARNING_SHIFT else "info"


def _sentence(picture: Picture, cause: Hypothesis) -> str:
    failing = next((score for score in picture.case.scores if score.detector == "errors"), None)
    if failing is not None:
        return f"Inferences fail: {failing.detail}; most likely: {cause.name}."
    if all(score.detector.startswith(RIVER) for score in picture.case.scores):
        return f"{'; '.join(score.detail for score in picture.case.scores[:NAMED])}; most likely: {cause.name}."
    if cause.kind == "device":
        return f"Inferences have become slow ({_detail(picture)}); most likely: {cause.name}."
    alarmed = {score.signal.name for score in picture.case.scores}
    told = sorted((e for e in picture.case.effects if e.signal.name in alarmed), key=lambda e: -e.ks)
    words = [describe(e) for e in told if e.signal.kind != "flag"][:NAMED] or [
        f"{score.signal.name} {score.detail}".strip() for score in picture.case.scores[:NAMED]
    ]
    text = ", ".join(words)
    return f"{text[:1].upper()}{text[1:]}; most likely: {cause.name}."


def _detail(picture: Picture) -> str:
    return next((score.detail for score in picture.case.scores if score.signal.role == "runtime"), "")


def _unknown(picture: Picture) -> Hypothesis:
    names = ", ".join(score.signal.name for score in picture.case.scores[:NAMED])
    return Hypothesis(
        "data", "change in the data that no rule explains", 0.2, names or "no signal",
        f"Compare recent values of {names or 'the inputs'} with earlier ones.",
    )  # fmt: skip
