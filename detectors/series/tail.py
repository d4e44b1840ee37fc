"""How surprising a size is among all sizes seen: a conformal p-value whose far end is a fitted tail.

A logarithmic histogram with slow forgetting holds the past; its resolution is an eighth of a factor e, so units and
outliers are irrelevant. Above the largest fiftieth of the past a generalised Pareto tail takes over from the ranks,
with the shape that the moment estimator gives (Dekkers, Einmahl and de Haan, Annals of Statistics 1989), so that two
events beyond everything seen are still ordered, and a heavy-tailed series needs a larger one than a calm series.
"""

from __future__ import annotations

import math

BINS = 256
PER_E = 8.0  # bins per factor e
CENTRE = BINS // 2  # the bin of the first size that is not 0; bin 0 holds zeros
TAIL_SHARE, TAIL_WEIGHT = 0.02, 10.0  # the fitted part: this share of the past, at least so many points
MEMORY = 4_000.0  # points in which a past point loses a factor e of its weight
GROWTH = 1.0 + 1.0 / MEMORY
LARGEST_SHAPE = 1.0  # above it a tail has no mean
MIN_SEEN = 60  # a judgement against fewer is none
LARGEST = 30.0
RENORMALISE = 1e9
_SMOOTH_SHAPE = 1e-3
_NEAR_END = 0.02
_log = math.log


class Tail:
    """Sizes of one statistic, not negative.

    Parameters
    ----------
    prior
        A belief in the mean logarithmic excess over the beginning of the tail: so many points' worth, and its size.
    least_shape
        The tail is taken to be at least as heavy; 0 is an exponential one, below 0 it ends.

    >>> tail = Tail()
    >>> _ = [tail.take(1.0 + i % 10) for i in range(1000)]
    >>> tail.take(5.0), tail.take(1e6) > 6
    (0.0, True)
    """

    __slots__ = ("_bins", "_end", "_gain", "_least_shape", "_offset", "_over", "_prior", "_total", "seen")

    def __init__(self, prior: tuple[float, float] = (10.0, 0.3), least_shape: float = -0.3) -> None:
        self._prior = prior
        self._least_shape = least_shape
        self._bins = [0.0] * BINS
        self._offset = math.nan  # of the logarithm, so that the first size falls into the centre
        self._total = 0.0
        self._gain = 1.0  # what a new point weighs: grows, instead of every old one being shrunk
        self._end = BINS - 1  # bins above belong to the fitted tail
        self._over = 0.0  # their weight
        self.seen = 0

    def take(self, size: float) -> float:
        """Return -log10 p of `size` among what was seen before, and add it."""
        at, place = 0, 0.0
        if size > 0.0:
            place = _log(size) * PER_E + self._offset
            if place != place:  # noqa: PLR0124  # NaN: nothing but zeros so far
                place = self._begin(size)
            at = int(place) if 1.0 <= place < BINS else 1 if place < 1.0 else BINS - 1
        surprise = 0.0
        end = self._end
        gain = self._gain
        bins = self._bins
        if at > end:
            if self.seen >= MIN_SEEN:
                surprise = self._surprise(min(place, BINS))
            self._over += gain
        bins[at] += gain
        self.seen += 1
        self._total += gain
        need = max(TAIL_SHARE * self._total, TAIL_WEIGHT * gain)
        over = self._over
        if over > need or over + bins[end] <= need:
            self._move_end(need)
        self._gain = gain = gain * GROWTH
        if gain > RENORMALISE:
            self._renormalise()
        return surprise

    def _begin(self, size: float) -> float:
        self._offset = CENTRE - _log(size) * PER_E
        return CENTRE

    def _surprise(self, place: float) -> float:
        end, gain = self._end, self._gain
        weight, believed = self._prior
        first, second = weight * believed, weight * 2 * believed**2
        for above, held in enumerate(self._bins[end + 1 :]):
            if held:
                excess = (above + 0.5) / PER_E
                held /= gain  # noqa: PLW2901  # the weight of a point is its unit
                weight += held
                first += held * excess
                second += held * excess * excess
        first /= weight
        second /= weight
        shape = first + 1.0 - 0.5 / max(1.0 - first * first / second, 1e-3)
        shape = min(max(shape, self._least_shape), LARGEST_SHAPE)
        scale = first * (1.0 - min(shape, 0.0))
        excess = math.expm1(min(max(place - (end + 1), 0.0) / PER_E, 300.0)) / scale
        if abs(shape) < _SMOOTH_SHAPE:
            log_p = -excess
        elif shape > 0:
            log_p = -math.log1p(shape * excess) / shape
        else:
            log_p = -math.log(max(1.0 + shape * excess, _NEAR_END)) / shape
        share = (self._over + gain) / (self._total + gain)
        return min(-math.log10(share) - log_p / math.log(10.0), LARGEST)

    def _move_end(self, need: float) -> None:
        bins = self._bins
        while self._over > need:
            self._end += 1
            self._over -= bins[self._end]
        while self._end > 0 and self._over + bins[self._end] <= need:
            self._over += bins[self._end]
            self._end -= 1

    def _renormalise(self) -> None:
        self._bins = [held / self._gain for held in self._bins]
        self._total /= self._gain
        self._over = sum(self._bins[self._end + 1 :])
        self._gain = 1.0

    def items(self) -> dict[str, object]:
        """Return what `load` takes."""
        numbers = [self._offset, self._total, self._gain, self._over]
        return {"bins": list(self._bins), "numbers": numbers, "end": self._end, "seen": self.seen}

    def load(self, items: dict[str, object]) -> None:
        """Become what another was."""
        bins, numbers = items["bins"], items["numbers"]
        assert isinstance(bins, list)
        assert isinstance(numbers, list)
        self._bins = bins
        self._offset, self._total, self._gain, self._over = numbers
        self._end, self.seen = int(items["end"]), int(items["seen"])  # type: ignore[call-overload]  # packed as ints
