"""What a screen shows, for a file: a list as CSV, a whole screen as text. Pure functions; nothing is written here.

Names come from model files and other processes: terminal escapes are removed, and no cell begins as a formula does in
a spreadsheet.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from tui.lined import Lined
from tui.rows import Rows
from tui.spans import clean, plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from textual.screen import Screen

TEXT_CELLS = 100
_NUMBER = re.compile(r"[-+]?[\d.,]+(e[-+]?\d+)?%?\Z", re.IGNORECASE)


def csv_text(table: Sequence[Sequence[object]]) -> str:
    """Give rows as CSV (RFC 4180); None is an empty cell.

    >>> csv_text([("model", "shift"), ("=cmd()", -3.1), ("a,b", None)]).splitlines()
    ['model,shift', "'=cmd(),-3.1", '"a,b",']
    """
    out = io.StringIO()
    csv.writer(out).writerows([_cell(value) for value in row] for row in table)
    return out.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else clean(str(value))
    return f"'{text}" if text[:1] in {"=", "+", "-", "@"} and not _NUMBER.match(text) else text


def screen_text(screen: Screen[object]) -> str:
    """Give all parts of a screen as text, one below the other, also what is scrolled out of sight."""
    parts = [part for part in screen.query(Lined) if part.display]
    lines = [line for part in parts for line in (*part.whole(TEXT_CELLS), ())]
    return "\n".join(plain(line) for line in lines).rstrip() + "\n"


def list_in_focus(screen: Screen[object]) -> Rows | None:
    """Return the list that has the focus, or else the first one, where it can be given as a table."""
    lists = [rows for rows in screen.query(Rows) if rows.display]
    chosen = next((rows for rows in lists if rows.has_focus), lists[0] if lists else None)
    return chosen if chosen is not None and chosen.keys and chosen.table() else None


def file_name(device: str, what: str, now: datetime, ending: str) -> str:
    """Name a file by device, what is in it, and when.

    >>> from datetime import UTC, datetime
    >>> file_name("cam 07/b", "events", datetime(2026, 3, 14, 14, 3, 22, tzinfo=UTC), "csv")
    'driftline-cam-07-b-events-20260314T140322Z.csv'
    """
    safe = re.sub(r"[^A-Za-z0-9_.]+", "-", f"{device}-{what}").strip("-.")
    return f"driftline-{safe}-{now:%Y%m%dT%H%M%SZ}.{ending}"
