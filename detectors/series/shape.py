"""What an alarm looks like, from how the last points lay to what is usual."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.series.verdict import Shape

POINTS = 24  # an episode's shape is known so many points after its alarm
KEPT = POINTS + 8  # distances that are looked at: some from before the alarm
SUSTAINED = 4  # points off on one side that are more than a spike
STILL = 6  # steps of exactly nothing that are a flat line
LATELY = 4  # of the last points, so many on the far side: it has not come back
GROWTH = 1.5  # a trend's last third is so many times as far off as its first


def shape_of(offs: Sequence[float], strongest: str, still: int) -> Shape:
    """Name the shape of an alarm.

    `offs` are the last points' distances from the usual, newest last; `strongest` is the view with the largest surprise
    at the alarm, `still` counts the steps of nothing up to now.
    """
    if strongest == "stillness":
        return "flat line" if still >= STILL else "variance"
    far = max((abs(off) for off in offs), default=0.0) / 2
    high = sum(off > far for off in offs)
    low = sum(off < -far for off in offs)
    if min(high, low) >= SUSTAINED // 2:
        return "variance"
    if max(high, low) < SUSTAINED:
        return "spike"
    began = next(at for at, off in enumerate(offs) if abs(off) > far / 2)
    since = [abs(off) for off in offs[began:]]
    third = len(since) // 3
    if third >= SUSTAINED:
        first, middle, last = (sum(since[at : at + third]) for at in (0, third, len(since) - third))
        if first < middle < last and last > GROWTH * first:
            return "trend"
    return "level shift" if sum(abs(off) > far for off in offs[-LATELY:]) >= LATELY // 2 else "spike"
