"""Turns what DuckDB returns into values that JSON can carry: times in RFC 3339 UTC, durations in seconds."""

from __future__ import annotations

import base64
import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

_BEYOND_JSON = 1 << 63  # what no reader of JSON takes for an integer


def plain(value: Any) -> Any:
    """Turn one value, however deep, into one that JSON can carry. NaN is None, as what is missing.

    >>> plain(datetime(2026, 5, 4, 3, 2, 1)), plain(timedelta(seconds=90)), plain([float("nan"), Decimal("1.5")])
    ('2026-05-04T03:02:01Z', 90.0, [None, 1.5])
    """
    match value:
        case list() | tuple():
            return [plain(item) for item in value]
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case int() | float() | Decimal():
            return _number(value)
        case datetime() | date() | time() | timedelta():
            return _moment(value)
        case _:
            return _other(value)


def _other(value: Any) -> str | None:
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    return None if value is None else str(value)


def _number(value: float | Decimal) -> bool | int | float | str | None:
    if isinstance(value, int):
        return value if abs(value) < _BEYOND_JSON else str(value)
    number = float(value)
    if math.isnan(number):
        return None
    return number if math.isfinite(number) else str(number)


def _moment(value: date | time | timedelta) -> str | float:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        return moment.replace(tzinfo=None).isoformat() + "Z"
    return value.isoformat()
