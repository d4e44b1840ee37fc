"""Puts a fall of the true accuracy into words: by how much, since when, by how many labels, and what to try."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent.model import Cause
from agent.ports import Explanation
from agent.truth import is_error_stream

if TYPE_CHECKING:
    from agent.model import Effect, Score, Severity
    from agent.ports import Case

KIND = "accuracy_fall"
CRITICAL_FALL, WARNING_FALL = 0.15, 0.03  # of the share of right answers
DAY_NS = 86_400 * 10**9
ADVICE = (
    "Look at the answers that were newly labelled wrong. If another finding is open for this model, mend its cause "
    "first; else retrain with recent cases. If labels are told for suspicious cases only, the share says little of all."
)


def explain_fall(case: Case) -> Explanation | None:
    """Explain a case whose alarms are of the error stream; None for any other."""
    score = next((score for score in case.scores if is_error_stream(score.signal)), None)
    if score is None:
        return None
    effect = next((effect for effect in case.effects if is_error_stream(effect.signal)), None)
    fall = _fall(effect)
    river = score.detector.startswith("river ")  # alone: an alarm of the detector with a promise outweighs it
    changed = next((c for c in case.changes if c.kind == "opened" and c.stream.sha256 != case.stream.sha256), None)
    causes = [Cause("model", "model does not fit what it is given any more", 0.6, _said(effect, score))]
    if changed is not None:
        causes.insert(0, Cause("model", "model file was changed", 0.3, changed.detail))
    return Explanation(
        kind="drift" if river else KIND,
        severity=_severity(fall, case.held),
        causes=tuple(sorted(causes, key=lambda cause: -cause.weight)),
        sentence=f"{score.detail}." if river else _sentence(effect, score, case.onset_ns or score.onset_ns),
        advice=ADVICE,
    )


def _fall(effect: Effect | None) -> float:
    if effect is None or effect.reference_mean is None or effect.recent_mean is None:
        return 0.0
    return effect.recent_mean - effect.reference_mean


def _severity(fall: float, held: Severity | None) -> Severity:
    if fall >= CRITICAL_FALL or held == "critical":
        return "critical"
    return "warning" if fall >= WARNING_FALL or held == "warning" else "info"


def _sentence(effect: Effect | None, score: Score, onset_ns: int) -> str:
    since = datetime.fromtimestamp(onset_ns / 1e9, UTC)
    when = f"{since:%d %b %H:%M}" if score.time_ns - onset_ns >= DAY_NS else f"{since:%H:%M}"
    if effect is None or effect.reference_mean is None or effect.recent_mean is None or _fall(effect) <= 0:
        return f"More answers are wrong than when the model was learned, since {when} UTC."
    labels = f"since {when} UTC (by {effect.rows} labels)"
    if score.signal.unit.startswith(">"):
        return (
            f"Answers that are off by more than {score.signal.unit[1:]} have risen from {effect.reference_mean:.0%} "
            f"to {effect.recent_mean:.0%} {labels}."
        )
    return f"Accuracy has fallen from {1 - effect.reference_mean:.0%} to {1 - effect.recent_mean:.0%} {labels}."


def _said(effect: Effect | None, score: Score) -> str:
    if effect is None or effect.recent_mean is None:
        return score.detail
    return f"{effect.recent_mean:.0%} of {effect.rows} labelled answers are wrong"
