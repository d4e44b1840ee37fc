"""How surprising a size is among all sizes seen: a conformal p-value whose far end is a fitted tail.

A logarithmic histogram with slow forgetting holds the past; its resolution is an eighth of a factor e, so units and
outliers are irrelevant. Above the largest fiftieth of the past a generalised Pareto tail takes over from the ranks,
with the shape that the moment estimator gives (Dekkers, Einmahl and de Haan, Annals of Statistics 1989), so that two
events beyond everything seen are still ordered, and a heavy-tailed series needs a larger one than a calm series.
"""

from __future__ import annotations

import math

from detectors.series.memory import BINS, GROWTH, RENORMALISE, TAIL_SHARE, TAIL_WEIGHT, Memory

PER_E = 8.0  # bins per factor e
CENTRE = BINS // 2  # the bin of the first size that is not 0; bin 0 holds zeros
LARGEST_SHAPE = 1.0  # above it a tail has no mean
LEAST_SHAPE = -0.3  # below 0 a tail ends
PRIOR = (
    10.0,
    0.3,
)  # a belief in the mean logarithmic excess over the tail's beginning: so many points' worth, its size
MIN_SEEN = 60  # a judgement against fewer is none
LARGEST = 30.0
_SMOOTH_SHAPE = 1e-3
_NEAR_END = 0.02
_log = math.log


class Tail(Memory):
    """Sizes of one statistic, not negative.

    >>> tail = Tail()
    >>> _ = [tail.take(1.0 + i % 10) for i in range(1000)]
    >>> tail.take(5.0), tail.take(1e6) > 6
    (0.0, True)
    """

    __slots__ = ("_offset",)

    def __init__(self) -> None:
        super().__init__()
        self._offset = math.nan  # of the logarithm, so that the first size falls into the centre

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
        weight, believed = PRIOR
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
        shape = min(max(shape, LEAST_SHAPE), LARGEST_SHAPE)
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

    def items(self) -> dict[str, object]:
        """Return what `load` takes."""
        return super().items() | {"offset": self._offset}
