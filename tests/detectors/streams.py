"""Seeded streams, quiet by construction, and blocks made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agent.model import Block, Signal, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

STREAM = Stream(model="tested", sha256="ab" * 32)
STEP_NS = 10_000_000


def autoregressive(rng: np.random.Generator, rows: int, width: int, memory: float = 0.9) -> NDArray[np.float64]:
    """AR(1) with this correlation from row to row."""
    noise = rng.normal(size=(rows + 200, width))
    values = np.zeros_like(noise)
    for at in range(1, len(values)):
        values[at] = memory * values[at - 1] + noise[at]
    return values[200:]


def seasonal(rng: np.random.Generator, rows: int, width: int, period: int = 96) -> NDArray[np.float64]:
    """A sinusoid under noise: blocks of a quarter period look uncorrelated at lag 1."""
    phase = np.arange(rows)[:, None] + rng.integers(0, period, width)
    return 2 * np.sin(2 * np.pi * phase / period) + rng.normal(size=(rows, width))


FAMILIES: dict[str, Callable[[np.random.Generator, int, int], NDArray[np.float64]]] = {
    "independent": lambda rng, rows, width: rng.normal(size=(rows, width)),
    "autoregressive": autoregressive,
    "seasonal": seasonal,
    "heavy-tailed": lambda rng, rows, width: rng.standard_t(1.5, size=(rows, width)),
    "discrete": lambda rng, rows, width: rng.poisson(2, size=(rows, width)).astype(float),
    "binary": lambda rng, rows, width: (rng.random((rows, width)) < 0.1).astype(float),
    "sparse": lambda rng, rows, width: np.where(
        rng.random((rows, width)) < 0.01, np.nan, rng.normal(size=(rows, width))
    ),
}


def make_block(
    values: ArrayLike,
    signals: Sequence[Signal],
    *,
    start: int = 0,
    latency: ArrayLike | None = None,
    status: ArrayLike | None = None,
    step_ns: int = STEP_NS,
) -> Block:
    """Wrap rows as a block whose first row is number `start` of its stream, a hundred rows a second."""
    rows = np.asarray(values, np.float32)
    count = len(rows)
    return Block(
        stream=STREAM,
        signals=tuple(signals),
        time_ns=1_000_000_000_000 + (start + np.arange(count, dtype=np.int64)) * step_ns,
        latency_s=np.full(count, 0.002) if latency is None else np.asarray(latency, np.float64),
        status=np.zeros(count, np.uint8) if status is None else np.asarray(status, np.uint8),
        values=rows,
    )
