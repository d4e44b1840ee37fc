"""How bad a finding is, by the size of its effect and never by the evidence, which grows without end.

LIMITS is the whole table. A size counts only beyond its band of chance. A level that was reached is held until the size
falls below HOLD of its limit, so that a size near a limit does not make the level flap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from detectors.picture import over_noise

if TYPE_CHECKING:
    from agent.model import Effect, Severity
    from detectors.picture import Hypothesis, Picture

HOLD = 0.75
CAPPED = ("world",)  # nothing is broken: a warning at most


class Limit(NamedTuple):
    """From what size on a finding is a warning, and from what size on it is critical."""

    unit: str
    warning: float
    critical: float
    source: str


LIMITS = {
    "distance": Limit(
        "Kolmogorov-Smirnov or total variation, beyond chance", 0.1, 0.6,
        "one value tells old rows from new ones in (1 + d) / 2 of cases: 55 %, 80 %; .1 is a little more than the "
        "difference of means that Cohen (1988) calls small",
    ),
    "shift": Limit(
        "Wasserstein, in standard deviations of the reference", 0.3, 2.0,
        "between Cohen's small (.2) and medium (.5); at 2 the usual value has become one of forty",
    ),
    "slowness": Limit(
        "times the usual latency", 1.0, 5.0,
        "own choice: what alarms is at least twice the reference's 95th percentile already; 5 times misses most "
        "deadlines that were set with room to spare",
    ),
}  # fmt: skip


def severity_of(picture: Picture, cause: Hypothesis) -> Severity:
    """Judge the sizes of a case's effects by LIMITS; calls that fail and results that are not finite are critical."""
    scores, held = picture.case.scores, picture.case.held
    if any(score.detector == "errors" for score in scores):
        return "critical"
    if any(score.detector == "quality" and score.signal.role == "output" for score in scores):
        return "critical"
    if cause.kind in ("device", "load"):
        return _level(picture.slowness, LIMITS["slowness"], held)
    judged = [*picture.inputs, *picture.outputs]
    distance = max((over_noise(e) for e in judged), default=0.0)
    shift = max((_shift(e) for e in judged), default=0.0)
    levels = {_level(distance, LIMITS["distance"], held), _level(shift, LIMITS["shift"], held)}
    if "critical" in levels and cause.kind not in CAPPED:
        return "critical"
    faulty = any(score.detector == "quality" for score in scores)
    return "warning" if faulty or levels != {"info"} else "info"


def _level(size: float, limit: Limit, held: Severity | None) -> Severity:
    critical = limit.critical * (HOLD if held == "critical" else 1.0)
    warning = limit.warning * (HOLD if held in ("critical", "warning") else 1.0)
    if size >= critical:
        return "critical"
    return "warning" if size >= warning else "info"


def _shift(effect: Effect) -> float:
    if over_noise(effect) <= 0 or effect.wasserstein <= (effect.wasserstein_noise or 0.0):
        return 0.0
    return effect.wasserstein
