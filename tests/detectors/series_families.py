"""Quiet series, and what may happen to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Series = NDArray[np.float64]

STEP = 300.0  # seconds: 288 points a day
DAY = 288


def rhythm(rows: int) -> Series:
    """A day's sine of amplitude 20."""
    wave: Series = 20 * np.sin(2 * np.pi * np.arange(rows) / DAY)
    return wave


def _memory(random: np.random.Generator, rows: int, keeps: float) -> Series:
    values, value = np.empty(rows), 0.0
    for row, shock in enumerate(random.normal(size=rows)):
        value = keeps * value + shock
        values[row] = value
    return values


QUIET: dict[str, Callable[[np.random.Generator, int], Series]] = {
    "normal": lambda random, rows: random.normal(50, 2, rows),
    "memory": lambda random, rows: _memory(random, rows, 0.9),
    "long memory": lambda random, rows: _memory(random, rows, 0.99),
    "heavy tails": lambda random, rows: random.standard_t(3, rows),
    "skewed": lambda random, rows: np.exp(random.normal(size=rows)),
    "counts": lambda random, rows: random.poisson(0.5, rows).astype(np.float64),
    "daily": lambda random, rows: rhythm(rows) + _memory(random, rows, 0.7),
    "weekdays": lambda random, rows: rhythm(rows) * (np.arange(rows) // DAY % 7 < 5) + random.normal(size=rows),
    "daily counts": lambda random, rows: random.poisson(20 + 0.75 * rhythm(rows)).astype(np.float64),
    "constant": lambda _, rows: np.full(rows, 3.0),
}


def happening(kind: str, values: Series, at: int) -> Series:
    """Let something happen to a series of standard deviation 2 from row `at` on."""
    changed = values.copy()
    tail = changed[at:]
    if kind == "spike":
        tail[0] += 40
    elif kind == "level shift":
        tail += 12
    elif kind == "trend":
        tail += np.minimum(0.6 * np.arange(len(tail)), 60)
    elif kind == "variance":
        tail[:200] = values.mean() + 4 * (tail[:200] - values.mean())
    elif kind == "flat line":
        tail[:200] = tail[0]
    else:
        raise ValueError(kind)
    return changed
