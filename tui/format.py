"""Numbers and times as people read them on a small screen. Standard library only.

What is not known is shown as "-", never as 0.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

UNKNOWN = "-"
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def latency(seconds: float | None) -> str:
    """Give a short duration in the unit that suits it, with about two digits.

    >>> latency(41e-6), latency(0.0032), latency(0.18), latency(1.25), latency(None)
    ('41 µs', '3.2 ms', '180 ms', '1.2 s', '-')
    """
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    for factor, unit in ((1e6, "µs"), (1e3, "ms")):
        value = seconds * factor
        if value < 999.5:  # noqa: PLR2004  # what would round to 1,000 goes to the next unit
            return f"{_two_digits(value)} {unit}"
    return age(seconds) if seconds >= _MINUTE else f"{_two_digits(seconds)} s"


def _two_digits(value: float) -> str:
    return f"{value:.1f}" if 0 < value < 9.95 else f"{value:.0f}"  # noqa: PLR2004  # 9.95 would round to 10.0


def age(seconds: float) -> str:
    """Give a span of time in its largest unit.

    >>> age(0.4), age(75), age(3 * 3600), age(9 * 86400)
    ('0 s', '1 min', '3 h', '9 d')
    """
    seconds = max(0.0, seconds)
    if seconds < _MINUTE:
        return f"{seconds:.0f} s" if seconds < _MINUTE - 0.5 else "1 min"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min" if seconds < _HOUR - 30 else "1 h"
    if seconds < 2 * _DAY:
        return f"{seconds / _HOUR:.0f} h"
    return f"{seconds / _DAY:.0f} d"


def between(start: datetime, end: datetime) -> str:
    """Give the time from one moment to a later one."""
    return age((end - start).total_seconds())


def local_time(moment: datetime, now: datetime | None = None) -> str:
    """Give a moment as the time of day where the reader is, with the date where it is not today's."""
    local = moment.astimezone()
    if now is not None and local.date() == now.astimezone().date():
        return f"{local:%H:%M:%S}"
    return f"{local:%Y-%m-%d %H:%M:%S}"


def short_time(moment: datetime, now: datetime) -> str:
    """Give the time of day today, else the date and the minute, in at most twelve cells."""
    local = moment.astimezone()
    return f"{local:%H:%M:%S}" if local.date() == now.astimezone().date() else f"{local:%d %b %H:%M}"


def rate(per_second: float) -> str:
    """Give a rate in the unit that leaves digits to read.

    >>> rate(98.4), rate(2.25), rate(0.05), rate(0), rate(12_345)
    ('98/s', '2.2/s', '3.0/min', '0/s', '12k/s')
    """
    if per_second >= 9_999.5:  # noqa: PLR2004  # five digits would break the column
        return f"{per_second / 1e3:.0f}k/s"
    if 0 < per_second < 0.95:  # noqa: PLR2004  # below one a second, minutes say more
        return f"{_two_digits(per_second * 60)}/min"
    return f"{_two_digits(per_second)}/s"


def count(number: float) -> str:
    """Give a whole number with its thousands apart."""
    return f"{number:,.0f}"


def roughly(number: float) -> str:
    """Give a large whole number to two digits: more of them would claim what nobody knows.

    >>> roughly(306_920_827), roughly(94)
    ('310,000,000', '94')
    """
    return count(round(number, 2 - len(f"{number:.0f}")))


def size(number: float) -> str:
    """Give a size in decimal units.

    >>> size(512), size(61_000_000), size(4.2e9)
    ('512 B', '61 MB', '4.2 GB')
    """
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= factor * 0.9995:
            return f"{_two_digits(number / factor)} {unit}"
    return f"{number:.0f} B"


def percent(share: float | None) -> str:
    """Give a share in [0, 1] as per cent.

    >>> percent(0.934), percent(None)
    ('93%', '-')
    """
    return UNKNOWN if share is None or not math.isfinite(share) else f"{share * 100:.0f}%"


def size_of(effect: float | None) -> str:
    """Give the size of an effect in five cells.

    >>> size_of(0.314), size_of(412.0), size_of(None)
    ('0.31', '99.99', '-')
    """
    return UNKNOWN if effect is None or not math.isfinite(effect) else f"{min(effect, 99.99):.2f}"


def value(number: float | None, unit: str = "") -> str:
    """Give any value with three digits that matter, and seconds as a latency.

    >>> value(0.12345), value(1234.5), value(0.0), value(2.5e-7), value(float("nan"))
    ('0.123', '1,234', '0', '2.5e-07', '-')
    """
    if number is None or not math.isfinite(number):
        return UNKNOWN
    if unit == "s" and number >= 0:
        return latency(number)
    magnitude = abs(number)
    if magnitude >= 1e7 or 0 < magnitude < 1e-3:  # noqa: PLR2004  # beyond these, digits would not fit ten cells
        return f"{number:.3g}"
    return f"{number:,.0f}" if magnitude >= 1e3 else f"{number:.3g}"  # noqa: PLR2004


def plural(number: int, noun: str) -> str:
    """Give a counted noun.

    >>> plural(1, "stream"), plural(2_000, "finding")
    ('1 stream', '2,000 findings')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
