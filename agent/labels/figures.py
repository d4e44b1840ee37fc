"""How often a model is right, by the labels told so far: the last ones, and all since the start.

Labels come late, out of order and in bursts; "last" is by when they were told. A label that replaces another takes its
place in every figure. Bounded by the window.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from agent.clock import utc
from agent.status import TruthStatus

if TYPE_CHECKING:
    from agent.steady import Step
    from agent.truth import LabelRecord

NEVER_SET_NS = 946_684_800_000_000_000  # the year 2000: a clock that says less was never set
Z = 1.959964  # 95 %, both sides


def wilson(right: float, count: float) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share (Wilson 1927): it holds near 0 and 1, and for few rows.

    >>> [round(bound, 3) for bound in wilson(81, 100)]
    [0.722, 0.875]
    """
    if count <= 0:
        return 0.0, 1.0
    share, z2 = right / count, Z * Z
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = Z * math.sqrt(share * (1 - share) / count + z2 / (4 * count * count)) / (1 + z2 / count)
    return max(0.0, centre - half), min(1.0, centre + half)


class Figures(msgspec.Struct):
    """The figures of one stream. `values`: the answers are values, and errors are absolute errors."""

    values: bool = False
    count: int = 0
    total: float = 0.0  # sum of errors since the start
    window: dict[int, float] = {}  # msgspec copies it  # id to error, oldest first
    first_ns: int = 0  # of the inferences that have a label, the oldest
    last_ns: int = 0  # and the newest

    def add(self, record: LabelRecord, kept: int) -> None:
        """Take a label in; `kept` labels make the window."""
        if math.isnan(record.previous):
            self.count += 1
            self.total += record.error
            self.window[record.id] = record.error
            while len(self.window) > kept:
                del self.window[next(iter(self.window))]
        else:
            self.total += record.error - record.previous
            if record.id in self.window:
                self.window[record.id] = record.error
        if self.first_ns < NEVER_SET_NS <= record.inferred_ns:  # a rate over what such a clock says would be none
            self.first_ns = 0
        self.first_ns = min(self.first_ns or record.inferred_ns, record.inferred_ns)
        self.last_ns = max(self.last_ns, record.inferred_ns)

    def rebase(self, step: Step) -> None:
        """Correct the times of this boot, after the clock was set."""
        self.first_ns, self.last_ns = step.moved(self.first_ns), step.moved(self.last_ns)

    def rate(self) -> float:
        """Inferences with a label per second; 0 where that is not known."""
        span = (self.last_ns - self.first_ns) / 1e9
        return self.count / span if span > 0 else 0.0

    def status(self, reference_error: float | None) -> TruthStatus:
        """Describe them."""
        recent = len(self.window)
        newest = utc(self.last_ns) if self.last_ns else None
        errors = sum(self.window.values())
        mean = errors / recent if recent else math.nan
        if self.values or not recent:
            return TruthStatus(
                kind="value" if self.values else "class",
                labels=self.count,
                recent=recent,
                mean_absolute_error=mean if recent else None,
                mean_absolute_error_total=self.total / self.count if self.count else None,
                newest=newest,
            )
        low, high = wilson(recent - errors, recent)
        return TruthStatus(
            kind="class",
            labels=self.count,
            recent=recent,
            accuracy=1 - mean,
            accuracy_low=low,
            accuracy_high=high,
            accuracy_total=1 - self.total / self.count,
            accuracy_reference=None if reference_error is None else 1 - reference_error,
            newest=newest,
        )
