"""Small pieces of the report's page: figures, times and tables. Everything is escaped here or by the caller."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

SMALLEST, SMALLEST_SHARE = 1e-4, 1e-3


def moment(time: datetime | None) -> str:
    """Write a time in RFC 3339, UTC, to the second.

    >>> from datetime import UTC, datetime
    >>> moment(datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC))
    '2026-05-04T03:02:01Z'
    """
    return "" if time is None else time.strftime("%Y-%m-%dT%H:%M:%SZ")


def span(seconds: float) -> str:
    """Write a duration in its largest unit that fits.

    >>> span(42), span(600), span(9000), span(200_000)
    ('42 s', '10 min', '2.5 h', '2.3 days')
    """
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{seconds:.0f} s"


def number(value: float | None) -> str:
    """Write a figure to four places that matter; very small ones say only that they are.

    >>> number(0.123456), number(1234.5), number(3e-80), number(0.0), number(None)
    ('0.1235', '1234', '< 0.0001', '0', '')
    """
    if value is None:
        return ""
    if 0 < value < SMALLEST:
        return f"< {SMALLEST:.4f}"
    return f"{value:.4g}"


def share(part: float) -> str:
    """Write a share in per cent, without calling a little nothing.

    >>> share(0.0), share(0.0004), share(0.25)
    ('0 %', '< 0.1 %', '25 %')
    """
    if 0 < part < SMALLEST_SHARE:
        return "< 0.1 %"
    return f"{part * 100:.1f}".removesuffix(".0") + " %"


def table(headings: Sequence[str], rows: Iterable[tuple[str, Sequence[tuple[str, str]]]]) -> str:
    """Write a table. A heading with # is over figures; a row is its class and (class, text) for each cell."""
    head = "".join(
        f'<th class="number">{escape(h[1:])}</th>' if h.startswith("#") else f"<th>{escape(h)}</th>" for h in headings
    )
    body = "".join(
        f'<tr class="{kind}">' + "".join(f'<td class="{c}">{escape(text)}</td>' for c, text in cells) + "</tr>\n"
        for kind, cells in rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>\n'
