"""What a series detector says of one point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = Literal["", "spike", "level shift", "trend", "variance", "flat line"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One point, judged against everything before it.

    Attributes
    ----------
    score
        In [0, 1]; .5 and more is an alarm. One episode scores once, at its beginning, and again where it grows.
    p_value
        In (0, 1]: of the points of a quiet series about a share a has p_value <= a at most, also for a far smaller than
        one in the points seen; the points of an episode are no independent trials.
    shape
        What an alarm looks like so far; empty below .5. `SeriesDetector.shape` is surer some points later.

    """

    score: float
    p_value: float
    shape: Shape
