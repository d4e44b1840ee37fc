"""Spans of time as people write them: `24h`, `7d`, or since a moment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

UNITS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
ACCEPTED = "accepted are a span such as 90m, 24h, 7d or 2w, or a moment such as 2026-05-04T03:00:00Z"
_SPAN = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)([mhdw])")


@dataclass(frozen=True, slots=True)
class Span:
    """From `start_ns` up to, but not including, `end_ns`; nanoseconds of UTC wall time."""

    start_ns: int
    end_ns: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.end_ns - self.start_ns) / 1e9

    def earlier(self, seconds: float) -> Span:
        """Return the span of the same length that lies so much earlier."""
        return Span(self.start_ns - round(seconds * 1e9), self.end_ns - round(seconds * 1e9))


def parse_seconds(text: str) -> float:
    """Read a span. Raises ValueError.

    >>> parse_seconds("90m"), parse_seconds("1.5h")
    (5400.0, 5400.0)
    """
    match = _SPAN.fullmatch(text.strip().lower())
    if match is None or float(match[1]) <= 0:
        raise ValueError(f"{text!r}: accepted is a span such as 90m, 24h, 7d or 2w")
    return float(match[1]) * UNITS[match[2]]


def parse_since(text: str, now_ns: int) -> Span:
    """Read where a window begins; it ends now. Raises ValueError.

    >>> parse_since("24h", 86_400_000_000_000).start_ns
    0
    """
    try:
        return Span(now_ns - round(parse_seconds(text) * 1e9), now_ns)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r}: {ACCEPTED}") from None
    start_ns = round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e9)
    if start_ns >= now_ns:
        raise ValueError(f"{text!r} is in the future; {ACCEPTED}")
    return Span(start_ns, now_ns)
