"""Graphs made of block characters: sparkline, gauge, bar, column chart. Standard library only.

`console_text` and `ascii_text` translate them, and the few other marks that the screens use, for the fonts of a Linux
console and for output that is not Unicode.
"""

from __future__ import annotations

import unicodedata
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_EIGHTHS = "▁▂▃▄▅▆▇█"
_FULL, _EMPTY = "█", "░"
# The console's own font has the marks of code page 437: of the lower blocks only the half and the full one.
_CONSOLE = str.maketrans(
    {"▁": "_", "▂": "_", "▃": "_", "▅": "▄", "▆": "▄", "▇": "█", "…": "~", "▸": "►", "◂": "◄", "✓": "√"}
)
_ASCII = str.maketrans(
    {"▁": "_", "▂": "_", "▃": "_", "▄": "=", "▅": "=", "▆": "=", "▇": "#", "█": "#", "▓": "+", "░": ".", "─": "-",
     "│": "|", "…": "~", "▸": ">", "◂": "<", "✓": "x", "µ": "u", "°": "", "·": "-", "≥": ">=", "↑": "^", "↓": "v"}
)  # fmt: skip


def sparkline(values: Sequence[float | None], width: int, top: float = 0.0) -> str:
    """Draw the last `width` values as columns from 0 to `top`; a gap is a space.

    With no `top` it is the largest value, or twice the median where that is more: a steady series stays at half height,
    so that a doubling is seen and noise is not.

    >>> sparkline([1.0, 1.1, None, 1.0, 3.0], 6)
    ' ▃▃ ▃█'
    """
    tail = values[-width:] if width > 0 else ()
    top = top or _top(tail)
    return "".join(" " if v is None or top <= 0 else _EIGHTHS[_level(v / top, 8)] for v in tail).rjust(width)


def chart(values: Sequence[float | None], width: int, height: int) -> tuple[list[str], float]:
    """Draw the values as a chart of `height` lines, the newest at the right; return it and the value at its top."""
    tail = _squeeze(values, width)
    top = _top(tail)
    rows = []
    for row in range(height - 1, -1, -1):
        cells = []
        for v in tail:
            filled = 0.0 if v is None or top <= 0 else v / top * height - row
            cells.append(" " if v is None or (filled <= 0 and row) else _EIGHTHS[_level(filled, 8)])
        rows.append("".join(cells).rjust(width))
    return rows, top


def over_time(
    values: Sequence[float | None], width: int, worst: Callable[[list[float]], float] = max
) -> list[float | None]:
    """Bring a series to exactly `width` columns: each repeated, or of several neighbours the `worst`.

    >>> over_time([1.0, None, 3.0], 6), over_time([1.0, 5.0, 2.0, None], 2)
    ([1.0, 1.0, None, None, 3.0, 3.0], [5.0, 2.0])
    """
    squeezed = _squeeze(values, width, worst)
    return [squeezed[i * len(squeezed) // width] for i in range(width)] if squeezed else []


def trace(values: Sequence[float | None], low: float, high: float) -> str:
    """Draw values between two bounds as one line of columns; a gap is a space.

    >>> trace([0.0, 0.5, None, 1.0], 0.0, 1.0)
    '▁▄ █'
    """
    span = high - low or 1.0
    return "".join(" " if v is None else _EIGHTHS[_level((v - low) / span, 8)] for v in values)


def _top(values: Sequence[float | None]) -> float:
    known = [v for v in values if v is not None]
    return max(*known, 2 * median(known)) if known else 0.0


def _squeeze(
    values: Sequence[float | None], width: int, worst: Callable[[list[float]], float] = max
) -> list[float | None]:
    """Make at most `width` values of more, each the worst of its neighbours: a peak must not get lost."""
    if len(values) <= width:
        return list(values)
    edges = [round(i * len(values) / width) for i in range(width + 1)]
    groups = [[v for v in values[a:b] if v is not None] for a, b in pairwise(edges)]
    return [worst(group) if group else None for group in groups]


def _level(share: float, levels: int) -> int:
    return min(levels - 1, max(0, round(share * levels) - 1))


def gauge(share: float, width: int) -> str:
    """Draw a share in [0, 1] as a bar over its whole width; full only from 1.

    >>> gauge(0.5, 6), gauge(0.99, 6), gauge(0.01, 6), gauge(1, 6)
    ('███░░░', '█████░', '░░░░░░', '██████')
    """
    full = width if share >= 1 else max(0, min(width - 1, round(share * width)))
    return _FULL * full + _EMPTY * (width - full)


def bar(share: float, width: int) -> str:
    """Draw a share in [0, 1] as a bar without a background."""
    return (_FULL * max(1 if share > 0 else 0, round(share * width))).ljust(width)


def console_text(text: str) -> str:
    """Replace the marks that a Linux console's own font lacks."""
    return text if text.isascii() else text.translate(_CONSOLE)


def ascii_text(text: str) -> str:
    """Replace every mark for output that knows ASCII alone; letters lose their accents, the rest becomes "?".

    >>> ascii_text("café 41 µs ███░ 60 °C")
    'cafe 41 us ###. 60 C'
    """
    if text.isascii():
        return text
    spelled = unicodedata.normalize("NFKD", text.translate(_ASCII))
    return "".join(c for c in spelled if not unicodedata.combining(c)).encode("ascii", "replace").decode()
