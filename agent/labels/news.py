"""Whether an alarm of an error stream is news: labels come late, and may tell of an episode that is long over.

Judged by when the inferences ran, not by when their labels were told: what the newest of them say decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

KEPT = 500  # newest labelled inferences that are remembered from one telling to the next
NEWEST = 200  # of them, that say how it is now
FEWEST_AFTER = 30  # fewer after an alarm cannot say that it is over
PERSISTS = 0.5  # a fall that is still this share of what it was is not over

Told = tuple[int, bool]  # when an inference ran, in nanoseconds of wall time, and whether its answer was wrong


def is_news(told: Sequence[Told], onset_ns: int, alarm_ns: int, usual: float) -> bool:
    """Tell whether a fall lasts: whether the newest answers are wrong more often than is usual.

    Parameters
    ----------
    told
        Labelled inferences, oldest first.
    onset_ns, alarm_ns
        When the inferences ran at which the fall began, and at which it was found.
    usual
        Share of wrong answers in health.

    """
    since = [wrong for at, wrong in told if at >= onset_ns]
    if not since or _share(since[-NEWEST:]) <= usual:
        return False
    after = [wrong for at, wrong in told if at > alarm_ns][-NEWEST:]
    fall = _share([wrong for at, wrong in told if onset_ns <= at <= alarm_ns]) - usual
    return len(after) < FEWEST_AFTER or _share(after) - usual >= PERSISTS * fall


def _share(wrong: Sequence[bool]) -> float:
    return sum(wrong) / len(wrong) if wrong else 0.0
