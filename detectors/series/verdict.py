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
        In (0, 1]; on a quiet series at most about a share a of the points has p_value <= a, also for very small a.
    shape
        What kind of anomaly it looks like; empty below .5.

    """

    score: float
    p_value: float
    shape: Shape
