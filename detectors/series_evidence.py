"""Evidence that a series has changed, on the scale of the alarm budget: three ways to see it, each with a third of it.

`rare`: one p-value so small that it comes once in so many points, however the points hang together (union bound).

`odd`: many p-values that are small. A p-value becomes an e-value by the mixture of all power calibrators, ∫ κ p^(κ-1)
dκ (Vovk and Wang, *E-values: calibration, combination and applications*, Annals of Statistics 2021, section 2). The
mean of e-values is an e-value however they depend on one another, so BLOCK neighbours make one step of a
Shiryaev-Roberts sum, M ← (M + BLOCK) e: it reaches A after at least A points in the mean (Shin, Ramdas and Rinaldo,
arXiv:2203.03532).

`level`: points beyond everything of the last week. The bet 1 + b (share - BEYOND) on the share y of a block is an
e-value where, whatever came before, at most BEYOND of the next block's points are expected beyond; summed like `odd`.
"""

from __future__ import annotations

import math

import msgspec

WAYS = 3
BLOCK = 10  # with 3, slow noise (AR(1) of .97 a minute) alarms six times as often as with 10
BEYOND, BET = 0.05, 18.0  # a block wholly beyond multiplies by 18: five of them make an alarm
SMALLEST_P = 1e-15  # further out a tail is a guess
CEILING = 1e12  # of a sum: one that has grown for days must be able to come down again


class Sum(msgspec.Struct):
    """A Shiryaev-Roberts sum in points, over blocks of BLOCK; one not complete counts what is to come as 0."""

    before: float = 0.0
    part: float = 0.0
    points: int = 0

    def add(self, e: float) -> None:
        """Take the e-value of one more point in; a block's is the mean of its points'."""
        self.part += e
        self.points += 1
        if self.points == BLOCK:
            self.before, self.part, self.points = min(self.total(), CEILING), 0.0, 0

    def total(self) -> float:
        """Return the sum as it now stands."""
        return (self.before + BLOCK) * self.part / BLOCK if self.points else self.before


class Evidence(msgspec.Struct):
    """The evidence of one series: `total` reaches A after at least A points in the mean while nothing has changed."""

    odd: Sum = msgspec.field(default_factory=Sum)
    level: Sum = msgspec.field(default_factory=Sum)
    rare: float = 0.0

    def add(self, p_value: float, *, beyond: bool | None) -> None:
        """Take one more point in; `beyond` is None where no week was seen yet."""
        self.rare = 1 / max(p_value, SMALLEST_P)
        self.odd.add(e_value(p_value))
        if beyond is not None:
            # The mean of these over a block is 1 + BET (share - BEYOND).
            self.level.add(1 + BET * (beyond - BEYOND))

    def total(self) -> float:
        """Return the evidence of the way that sees most, in points."""
        return max(self.rare, self.odd.total(), self.level.total()) / WAYS

    def reset(self) -> None:
        """Begin anew."""
        self.odd, self.level, self.rare = Sum(), Sum(), 0.0


def e_value(p_value: float) -> float:
    """Turn a p-value into an e-value: of expectation 1 where p is uniform, less where it is larger than that.

    >>> [round(e_value(p), 2) for p in (1.0, 0.5, 0.05, 0.001, 1e-6)]
    [0.5, 0.64, 1.78, 20.79, 5239.14]
    """
    p = max(p_value, SMALLEST_P)
    log = math.log(p) if p < 1 else 0.0
    if log > -1e-3:  # noqa: PLR2004  # the limit at 1, where the formula is 0 / 0
        return 0.5
    return (1 - p + p * log) / (p * log * log)
