"""How far a window's histogram is from its reference's, on the reference's own bins.

The same distances as those of single rows, as far as bins tell them: Kolmogorov-Smirnov at the edges, and Wasserstein
with the values of a bin spread evenly between its edges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from agent.baselines import SignalBaseline
    from agent.summary import SignalSummary

_HALF = 0.5  # added to every count, so that an empty bin costs something finite (Jeffreys' prior of a multinomial)


class Effects(NamedTuple):
    """psi in nats; ks in [0, 1]; wasserstein in standard deviations of the reference, None for categories."""

    psi: float
    ks: float
    wasserstein: float | None


def effects_of(described: SignalBaseline, edges: Sequence[float], rows: int, signal: SignalSummary) -> Effects | None:
    """Compare a signal's bins with those of the `rows` that its reference is described by; None where it has none."""
    bins = np.array(signal.bins, np.float64)
    if not bins.sum() or len(described.shares) != len(bins) or len(bins) != 2 * len(edges) + 1:
        return None
    ours, theirs = np.array(described.shares), bins / bins.sum()
    psi = _stability(ours * rows, bins)
    if described.signal.kind == "categorical":
        return Effects(psi, float(np.abs(ours - theirs).sum() / 2), None)
    apart = np.abs(np.cumsum(ours) - np.cumsum(theirs))[:-1]  # below and at each edge
    if not described.deviation:
        return Effects(psi, float(apart.max()), None)
    beyond = theirs[0] * max(0.0, edges[0] - signal.moments.least)
    beyond += theirs[-1] * max(0.0, signal.moments.most - edges[-1])
    between = (apart[1:-1:2] + apart[2::2]) @ np.diff(edges)
    return Effects(psi, float(apart.max()), float(between + beyond) / 2 / described.deviation)


def _stability(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    used = (ours + theirs) > 0
    p, q = ours[used] + _HALF, theirs[used] + _HALF
    p, q = p / p.sum(), q / q.sum()
    return float((q - p) @ np.log(q / p))
