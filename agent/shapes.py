"""How the values of each signal lie, before and now, in cells that a screen can draw over one another.

Both sides are rows: those that the reference keeps, and the newest ones. Cells are evenly wide, from the lowest to the
highest value of either side but for the outermost half per cent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agent.screen import Shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from agent.model import Signal

CELLS = 24
OUTSIDE = 0.005  # share of the values of a side that may lie beyond the cells at either end
LEAST = 1e-9  # of the largest magnitude: cells cannot be narrower than numbers can tell

EXACT = 2**24  # above it not every whole number is one of float32


def shapes(
    signals: Sequence[Signal], before: NDArray[np.float32], now: NDArray[np.float32],
    names: Mapping[str, Sequence[str]],
) -> tuple[Shape, ...]:  # fmt: skip
    """Give the shape of each signal, of rows [m, S] of the reference and [n, S] of now.

    names: of the codes of categorical signals, by signal.
    """
    found = []
    for column, signal in enumerate(signals):
        make = _of_categories if signal.kind == "categorical" else _of_values
        found.append(make(signal, before[:, column], now[:, column], names.get(signal.name, ())))
    return tuple(found)


def _of_values(signal: Signal, before: NDArray[np.float32], now: NDArray[np.float32], _names: Sequence[str]) -> Shape:
    sides = [side[np.isfinite(side)].astype(np.float64) for side in (before, now)]
    edges = _edges([side for side in sides if len(side)])
    counted = [np.histogram(side, edges)[0] for side in sides]
    return _shape(signal, edges, counted, (len(before), len(now)))


def _of_categories(
    signal: Signal, before: NDArray[np.float32], now: NDArray[np.float32], names: Sequence[str]
) -> Shape:
    sides = [side[np.isfinite(side)] for side in (before, now)]
    codes, counts = np.unique(np.concatenate(sides), return_counts=True)
    chosen = np.sort(codes[np.argsort(-counts, kind="stable")[:CELLS]])
    counted = [np.array([np.count_nonzero(side == code) for code in chosen], np.int64) for side in sides]
    known = tuple(names[int(code)] if 0 <= code < len(names) else f"{code:g}" for code in chosen.tolist())
    shape = _shape(signal, chosen.astype(np.float64), counted, (len(before), len(now)))
    return Shape(
        name=shape.name, unit=shape.unit, edges=shape.edges, names=known if names else (), before=shape.before,
        now=shape.now, rows=shape.rows,
    )  # fmt: skip


def _edges(sides: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return where the cells of some values end; of nothing, a single cell around zero."""
    if not sides:
        return np.array([-0.5, 0.5])
    ends = [np.quantile(side, (OUTSIDE, 1 - OUTSIDE), method="nearest") for side in sides]
    low, high = float(min(end[0] for end in ends)), float(max(end[1] for end in ends))
    whole = all(bool((side == np.floor(side)).all()) for side in sides)
    if whole and high - low < CELLS and max(abs(low), abs(high)) < EXACT:
        return np.arange(low, high + 2) - 0.5
    if high - low <= LEAST * max(abs(low), abs(high)):
        wide = max(abs(low) / 20, LEAST)
        return np.array([low - wide, low + wide])
    edges = np.linspace(low, high, CELLS + 1)
    edges[-1] = np.nextafter(edges[-1], np.inf)
    return edges


def _shape(
    signal: Signal, edges: NDArray[np.float64], counted: Sequence[NDArray[np.int64]], rows: tuple[int, int]
) -> Shape:
    before, now = (tuple((some / max(1, of)).tolist()) for some, of in zip(counted, rows, strict=True))
    return Shape(name=signal.name, unit=signal.unit, edges=tuple(edges.tolist()), before=before, now=now, rows=rows[1])
