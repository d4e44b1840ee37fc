"""A closed window (a minute) of one stream in figures that merge: with its neighbours in time, and with other devices.

Merging is exact for counts, histograms, extremes and the sum of latencies, and exact up to rounding for means and
variances (Chan, Golub & LeVeque, The American Statistician 37, 1983, eq. 2.1). Quantiles are read from a histogram
whose buckets grow by GAMMA (DDSketch: Masson, Rim & Lee, PVLDB 12, 2019), so that they are within one per cent of a
value that occurred.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from agent.model import Signal, Stream  # noqa: TC001  # msgspec resolves the annotations at run time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from agent.model import Block

GAMMA = 1.02
LEAST_S = 1e-7  # shorter latencies count as this long: no call of a model is
MOST_BINS = 64
MOST_NS = 2**63 - 1  # that stored forms take: 292 years
_AT_ONCE = 1 << 20  # values whose moments are taken together: 16 MB beside them


class Moments(msgspec.Struct, frozen=True, array_like=True):
    """Of values: how many, their mean, mean square deviation, least and most; zeros where there are none."""

    count: int = 0
    mean: float = 0.0
    variance: float = 0.0
    least: float = 0.0
    most: float = 0.0

    def merge(self, other: Moments) -> Moments:
        """Return the moments of both together."""
        if not (self.count and other.count):
            return self if self.count else other
        count = self.count + other.count
        share, apart = other.count / count, other.mean - self.mean
        return Moments(
            count,
            self.mean + apart * share,
            (self.variance * self.count + other.variance * other.count) / count + apart * apart * share * (1 - share),
            min(self.least, other.least),
            max(self.most, other.most),
        )


class SignalSummary(msgspec.Struct, frozen=True, array_like=True):
    """One signal of a window. `bins` counts its values as `bin_edges` of its reference says; empty where none is."""

    signal: Signal
    moments: Moments
    bins: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The signal's name, by which signals are merged."""
        return self.signal.name


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """One stream from `time_ns` (wall time) on, for `seconds`.

    statuses: inferences by their status (0: a result). latency: seconds, of those that were measured.
    buckets: latencies by bucket; bucket b holds those in (GAMMA ** (b - 1), GAMMA ** b].
    reference: which reference the signals' bins are of; windows of different ones keep no bins when merged.
    evidence: the highest share of the way to an alarm that the detectors saw, by signal, where it is judged.
    merged_ns: of several that were merged, the sum of their `latency_sum_ns`.
    """

    stream: Stream
    time_ns: int
    seconds: float
    statuses: dict[int, int]
    latency: Moments
    buckets: dict[int, int]
    signals: tuple[SignalSummary, ...]
    reference: str = ""
    evidence: dict[str, float] = {}
    merged_ns: int | None = None

    @property
    def end_ns(self) -> int:
        """When it ended."""
        return self.time_ns + round(self.seconds * 1e9)

    @property
    def inferences(self) -> int:
        """How many there were."""
        return sum(self.statuses.values())

    @property
    def failed(self) -> int:
        """How many gave no result."""
        return self.inferences - self.statuses.get(0, 0)

    @property
    def latency_sum_ns(self) -> int:
        """All latencies together in whole nanoseconds, MOST_NS at most: they add up to the same in any order."""
        if self.merged_ns is not None:
            return self.merged_ns
        total = self.latency.mean * self.latency.count * 1e9
        return round(total) if total < MOST_NS else MOST_NS

    def latency_quantile(self, share: float) -> float | None:
        """Return the latency that a share of the inferences did not pass, in seconds, within 1 %."""
        return quantile(self.buckets, share, self.latency)

    def merge(self, other: Summary) -> Summary:
        """Return what one window over both would have been; `stream` is that of the newer one."""
        start = min(self.time_ns, other.time_ns)
        end = max(self.end_ns, other.end_ns)
        same = self.reference == other.reference
        theirs = {signal.name: signal for signal in other.signals}
        ours = {signal.name for signal in self.signals}
        both = [_merged(signal, theirs.get(signal.name), same=same) for signal in self.signals]
        both += [_merged(signal, None, same=same) for signal in other.signals if signal.name not in ours]
        return Summary(
            stream=max(self, other, key=lambda one: one.end_ns).stream,
            time_ns=start,
            seconds=(end - start) / 1e9,
            statuses=_sum(self.statuses, other.statuses),
            latency=self.latency.merge(other.latency),
            buckets=_sum(self.buckets, other.buckets),
            signals=tuple(both),
            reference=self.reference if same else "",
            evidence=self.evidence | {k: max(v, self.evidence.get(k, 0.0)) for k, v in other.evidence.items()},
            merged_ns=min(self.latency_sum_ns + other.latency_sum_ns, MOST_NS),
        )


def summarise(
    blocks: Sequence[Block], time_ns: int, seconds: float, edges: Mapping[str, NDArray[np.float32]], reference: str = ""
) -> Summary:
    """Summarise the rows of one stream with one set of signals; `edges` as `bin_edges` makes them, by signal."""
    signals = blocks[0].signals
    # By signal, so that what is done to all values of one goes through memory once.
    values = np.empty((len(signals), sum(map(len, blocks))), blocks[0].values.dtype)
    np.concatenate([block.values.T for block in blocks], 1, values)
    latency = np.concatenate([block.latency_s for block in blocks])
    status = np.concatenate([block.status for block in blocks])
    latency = latency[np.isfinite(latency)]
    places = np.ceil(np.log(np.maximum(latency, LEAST_S)) / math.log(GAMMA)).astype(np.int64)
    return Summary(
        stream=blocks[-1].stream,
        time_ns=time_ns,
        seconds=seconds,
        statuses=_counted(status),
        latency=moments(latency),
        buckets=_counted(places),
        signals=tuple(
            SignalSummary(signal, found, binned(column, edges.get(signal.name)))
            for signal, found, column in zip(signals, _moments_of_each(values), values, strict=True)
        ),
        reference=reference,
    )


def moments(values: ArrayLike) -> Moments:
    """Return the moments of the finite ones of some values."""
    found = np.asarray(values, np.float64)
    found = found[np.isfinite(found)]
    if not len(found):
        return Moments()
    return Moments(len(found), float(found.mean()), float(found.var()), float(found.min()), float(found.max()))


def _counted(numbers: NDArray[np.integer]) -> dict[int, int]:
    """Count how often each number occurs, of numbers that are not far apart."""
    if not len(numbers):
        return {}
    least = int(numbers.min())
    counts = np.bincount(numbers - least)
    found = np.flatnonzero(counts)
    return dict(zip((found + least).tolist(), counts[found].tolist(), strict=True))


def _moments_of_each(values: NDArray[np.float32]) -> list[Moments]:
    """Return the moments of each signal's values, at once of those that are finite: to the bit what `moments` gives."""
    signals, count = values.shape
    if not count:
        return [Moments()] * signals
    step = max(1, _AT_ONCE // count)
    return [one for first in range(0, signals, step) for one in _moments_together(values[first : first + step])]


def _moments_together(values: NDArray[np.float32]) -> list[Moments]:
    count = values.shape[1]
    whole = np.logical_and.reduce(np.isfinite(values), axis=1)
    finite = values[whole]
    exact = finite.astype(np.float64)
    means = exact.mean(axis=1)
    exact -= means[:, None]
    variances = np.square(exact, out=exact).mean(axis=1)
    columns = (means, variances, finite.min(axis=1), finite.max(axis=1))
    found = zip(*(column.tolist() for column in columns), strict=True)
    return [Moments(count, *next(found)) if one else moments(column) for column, one in zip(values, whole, strict=True)]


def bin_edges(quantiles: Iterable[tuple[float, float]], categories: Iterable[tuple[float, float]]) -> list[float]:
    """Return where a reference's bins end: at its quantiles, or at its categories.

    Of n edges there are 2 n + 1 bins: below the first, at it, between it and the second, at that, and so on; a value
    that is often met (a category, a zero) has a bin of its own. Missing values are the count less all bins.

    >>> bin_edges([(0.0, 1.0), (0.5, 4.0), (1.0, 4.0)], [])
    [1.0, 4.0]
    """
    known = sorted({float(np.float32(value)) for _, value in quantiles} | {float(code) for code, _ in categories})
    return [value for value in known if math.isfinite(value)][: MOST_BINS // 2 - 1]


def quantile(buckets: Mapping[int, int], share: float, within: Moments) -> float | None:
    """Read a quantile from a histogram, kept between the extremes; None where it is empty."""
    total = sum(buckets.values())
    if not total:
        return None
    rank, seen = share * (total - 1), 0
    for bucket in sorted(buckets):
        seen += buckets[bucket]
        if seen > rank:
            break
    return min(max(2 * GAMMA**bucket / (GAMMA + 1), within.least), within.most)


def binned(values: NDArray[np.float32], edges: NDArray[np.float32] | None) -> tuple[int, ...]:
    """Count finite values by the 2 n + 1 bins of `bin_edges`; empty where there are no edges."""
    if edges is None or not len(edges):
        return ()
    finite = values[np.isfinite(values)]
    below, upto = np.searchsorted(edges, finite, side="left"), np.searchsorted(edges, finite, side="right")
    return tuple(np.bincount(below + upto, minlength=2 * len(edges) + 1).tolist())


def _merged(ours: SignalSummary, theirs: SignalSummary | None, *, same: bool) -> SignalSummary:
    if theirs is None:
        return ours if same else SignalSummary(ours.signal, ours.moments)
    bins: tuple[int, ...] = ()
    if same and len(ours.bins) == len(theirs.bins):
        bins = tuple(map(operator.add, ours.bins, theirs.bins))
    return SignalSummary(ours.signal, ours.moments.merge(theirs.moments), bins)


def _sum(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in sorted({*one, *other})}
