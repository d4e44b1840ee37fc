"""Streams in which nothing changes: five signals each, from independent rows to rhythms, memory and a served model.

A family is a function of a generator and a number of rows; it gives values [rows, 5]. One draw is reference and stream
together, so that the reference is as honest as a stream that was in health while it was learned.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Rows = NDArray[np.float64]
    Family = Callable[[np.random.Generator, int], Rows]

WIDTH = 5
NAMES = tuple(f"x{at}" for at in range(WIDTH))
SERVED = ("a", "b", "c", "prediction", "confidence")
CUT = 1e-4  # of a response that has faded so far, nothing is left


def remembering(noise: Rows, memory: float) -> Rows:
    """Filter noise [n + m, S] into an AR(1) process [n, S] of its variance, m the rows until CUT is reached."""
    fade = memory ** np.arange(lead(memory) + 1)
    size = 1 << int(len(noise) + len(fade) - 1).bit_length()
    smooth = np.fft.irfft(np.fft.rfft(noise, size, axis=0) * np.fft.rfft(fade, size)[:, None], size, axis=0)
    return np.asarray(smooth[lead(memory) : len(noise)] * math.sqrt(1 - memory**2))


def lead(memory: float) -> int:
    """Give the rows after which an AR(1) process has forgotten where it began."""
    return math.ceil(math.log(CUT) / math.log(memory))


def autoregressive(memory: float) -> Family:
    """Make the family of AR(1) processes with this correlation from row to row."""
    return lambda rng, rows: remembering(rng.normal(size=(rows + lead(memory), WIDTH)), memory)


def seasonal(rng: np.random.Generator, rows: int) -> Rows:
    """Draw a rhythm of 96 rows, as large as the noise."""
    phase = np.arange(rows)[:, None] + rng.integers(0, 96, WIDTH)
    return np.asarray(math.sqrt(2) * np.sin(2 * math.pi * phase / 96) + rng.normal(size=(rows, WIDTH)))


def heavy_tailed(rng: np.random.Generator, rows: int) -> Rows:
    """Draw Student's t of two degrees of freedom: no variance."""
    return rng.standard_t(2, size=(rows, WIDTH))


def counts(rng: np.random.Generator, rows: int) -> Rows:
    """Draw Poisson counts, from mostly none to some twenty."""
    return rng.poisson((0.1, 0.7, 2.0, 6.0, 20.0), size=(rows, WIDTH)).astype(float)


def categories(rng: np.random.Generator, rows: int) -> Rows:
    """Draw a rare flag, a coin, six classes of unequal share, a rounded value, and a value that is often missing."""
    values = np.empty((rows, WIDTH))
    values[:, 0] = rng.random(rows) < 0.02
    values[:, 1] = rng.random(rows) < 0.5
    values[:, 2] = rng.choice(6, rows, p=(0.4, 0.3, 0.15, 0.1, 0.04, 0.01))
    values[:, 3] = rng.normal(size=rows).round(1)
    values[:, 4] = np.where(rng.random(rows) < 0.1, np.nan, rng.exponential(size=rows))
    return values


def wandering(rng: np.random.Generator, rows: int) -> Rows:
    """Draw noise whose variance wanders, with a memory of fifty rows (stochastic volatility)."""
    level = remembering(rng.normal(size=(rows + lead(0.98), WIDTH)), 0.98)
    return np.asarray(np.exp(level / 2) * rng.normal(size=(rows, WIDTH)))


def served(rng: np.random.Generator, rows: int) -> Rows:
    """Draw three correlated inputs, and what a logistic model makes of them: its answer and how sure it is."""
    mix = np.array(((1.0, 0.8, 0.6), (0.0, 0.6, 0.5), (0.0, 0.0, 0.6)))
    inputs = rng.normal(size=(rows, 3)) @ mix
    chance = 1 / (1 + np.exp(-(inputs @ (1.5, -2.0, 1.0) + 0.3)))
    return np.column_stack((inputs, chance > 0.5, np.maximum(chance, 1 - chance)))


FAMILIES: dict[str, Family] = {
    "independent": lambda rng, rows: rng.normal(size=(rows, WIDTH)),
    "AR(1) .5": autoregressive(0.5),
    "AR(1) .9": autoregressive(0.9),
    "seasonal 96": seasonal,
    "heavy-tailed": heavy_tailed,
    "counts": counts,
    "categories": categories,
    "wandering variance": wandering,
    "served model": served,
}


def names_of(family: str) -> list[str]:
    """Give the names of a family's signals."""
    return list(SERVED if family == "served model" else NAMES)
