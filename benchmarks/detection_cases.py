"""What the detectors are shown: a reference, a stream, and the row from which on it is another.

Streams that packages ship are short. Longer ones are drawn from them with replacement, by rows or, where rows hang
together, by whole blocks: then reference and stream are exchangeable by construction, block by block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.null_streams import FAMILIES, names_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Rows = NDArray[np.float64]

REFERENCE, BEFORE, AFTER, QUIET = 2_000, 2_000, 5_000, 20_000  # rows


@dataclass(frozen=True)
class Case:
    """One stream. `onset` is the row of the stream from which on it has changed, None where it never does."""

    data: str
    kind: str
    names: tuple[str, ...]
    reference: Rows
    stream: Rows
    onset: int | None = None


def cut(data: str, kind: str, names: tuple[str, ...], rows: Rows, onset: int | None = None) -> Case:
    """Make a case of rows whose first REFERENCE are the reference."""
    return Case(data, kind, names, rows[:REFERENCE], rows[REFERENCE:], onset)


def blocks_of(rows: Rows, length: int, rng: np.random.Generator, count: int) -> Rows:
    """Draw whole blocks of rows with replacement until there are `count` rows."""
    blocks = rows[: len(rows) // length * length].reshape(-1, length, rows.shape[1])
    drawn = blocks[rng.integers(0, len(blocks), -(-count // length))]
    return np.asarray(drawn.reshape(-1, rows.shape[1])[:count])


def quiet_synthetic(family: str) -> Case:
    """Draw a long stream in which nothing changes."""
    rows = FAMILIES[family](np.random.default_rng(1), REFERENCE + QUIET)
    return cut(family, "quiet", tuple(names_of(family)), rows)


def changed_synthetic(family: str, seed: int) -> Case:
    """Draw a stream of which one signal of five moves, by its own standard deviation."""
    rows = FAMILIES[family](np.random.default_rng((2, seed)), REFERENCE + BEFORE + AFTER)
    settled = rows[:REFERENCE, 2]
    low, high = np.quantile(settled, (0.25, 0.75))  # a standard deviation, where the tails have none
    rows[REFERENCE + BEFORE :, 2] += (high - low) / 1.349
    return cut(family, "+ 1 sd", tuple(names_of(family)), rows, BEFORE)


def pieces(family: str, seed: int, rows: int, block: int) -> Iterator[Rows]:
    """Draw a reference, then a long quiet stream in blocks."""
    values = FAMILIES[family](np.random.default_rng((3, seed)), REFERENCE + rows)
    yield values[:REFERENCE]
    for at in range(REFERENCE, len(values), block):
        yield values[at : at + block]
