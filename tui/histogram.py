"""Two distributions over one another, in block characters that read without colour. Standard library only.

What both have is solid, what only the reference has is a ghost, what only the present has is hatched.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from tui import format as fmt
from tui.spans import cell_width, cut, fit, pad

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.spans import Line, Span

BOTH: Span = ("█", "accent")
BEFORE: Span = ("░", "quiet")
NOW: Span = ("▓", "warning")
_EIGHTHS = "▁▂▃▄▅▆▇█"
_HALF = 0.5
_NAME_CELLS = 16


def legend(before: str = "reference", now: str = "now") -> Line:
    """Explain the three marks."""
    return ((" ", "plain"), BOTH, (" both  ", "quiet"), BEFORE, (f" {before}  ", "quiet"), NOW, (f" {now}", "quiet"))


def overlay(before: Sequence[float], now: Sequence[float], width: int, height: int) -> list[Line]:
    """Draw two histograms of the same cells as columns over one another; an empty `before` draws `now` alone.

    Parameters
    ----------
    before, now
        Share of rows in each cell.
    width, height
        In terminal cells. Neighbours are put together where there are more cells than fit.

    """
    now = merged(now, width)
    before = merged(before, width) if before else now
    top = max((*before, *now), default=0.0)
    if top <= 0 or not now:
        return []
    broad = max(1, width // len(now))
    lines: list[Line] = []
    for row in range(height - 1, -1, -1):
        marks = (_mark(b / top * height - row, n / top * height - row, row) for b, n in zip(before, now, strict=True))
        lines.append(_joined([(text * broad, tone) for text, tone in marks]))
    return lines


def drawn_cells(cells: int, width: int) -> int:
    """Count the terminal cells that `overlay` fills of a width, to put an axis under it."""
    fitting = min(cells, width)
    return fitting * max(1, width // fitting) if fitting else 0


def axis(edges: Sequence[float], unit: str, width: int) -> Line:
    """Write the bounds and the middle of the cells below them."""
    low, middle, high = (fmt.value(edges[i], unit) for i in (0, len(edges) // 2, -1))
    left = max(0, width // 2 - cell_width(low) - cell_width(middle) // 2)
    right = max(1, width - cell_width(low) - left - cell_width(middle) - cell_width(high))
    return ((low + " " * left + middle + " " * right + high, "quiet"),)


def share_rows(rows: Sequence[tuple[str, float | None, float]], width: int, limit: int) -> list[Line]:
    """Draw named shares as bars: (name, share before or None where it is not known, share now)."""
    name = min(_NAME_CELLS, max((cell_width(cut(label, _NAME_CELLS)) for label, _, _ in rows), default=0))
    cells = max(6, width - name - 18)
    top = max((max(b or 0.0, n) for _, b, n in rows), default=0.0) or 1.0
    lines: list[Line] = []
    for label, before, now in rows[:limit]:
        bar = _bar(now if before is None else before, now, top, cells)
        was = "" if before is None else f"  was {fmt.percent(before):>4}"
        lines.append(((f" {fit(label, name)} ", "plain"), *pad(bar, cells), (f" {fmt.percent(now):>4}{was}", "plain")))
    if len(rows) > limit:
        lines.append(((f" and {len(rows) - limit} more", "quiet"),))
    return lines


def _bar(before: float, now: float, top: float, cells: int) -> Line:
    was, is_ = (max(1, round(v / top * cells)) if v > 0 else 0 for v in (before, now))
    both = min(was, is_)
    return ((BOTH[0] * both, BOTH[1]), (BEFORE[0] * (was - both), BEFORE[1]), (NOW[0] * (is_ - both), NOW[1]))


def _mark(before: float, now: float, row: int) -> Span:
    """Choose the mark of one cell by how far the two reach above its lower edge, in lines."""
    low, high = sorted((before, now))
    if low >= 1 or (low >= _HALF and high - low >= _HALF):
        return BOTH
    if low > 0 and high - low < _HALF:
        return _EIGHTHS[max(0, min(8, round(high * 8)) - 1)], BOTH[1]
    if before >= _HALF:
        return BEFORE
    if now >= _HALF:
        return NOW
    if row or high <= 0:
        return " ", "plain"
    return _EIGHTHS[0], NOW[1] if now > before else BEFORE[1]


def merged(shares: Sequence[float], width: int) -> Sequence[float]:
    """Put neighbouring cells together until there are at most `width`."""
    if len(shares) <= width:
        return shares
    edges = [round(i * len(shares) / width) for i in range(width + 1)]
    return [sum(shares[a:b]) for a, b in pairwise(edges)]


def _joined(spans: Sequence[Span]) -> Line:
    """Put neighbours of one tone together: a span costs the terminal an escape sequence."""
    joined: list[Span] = []
    for text, tone in spans:
        if joined and joined[-1][1] == tone:
            joined[-1] = (joined[-1][0] + text, tone)
        else:
            joined.append((text, tone))
    return tuple(joined)
