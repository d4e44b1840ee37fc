"""What the kernel knows of its wall clock: whether something keeps it right. Linux; elsewhere nothing is known.

`adjtimex` with no mode set asks and changes nothing, and needs no privilege. Setting the clock by hand clears what it
says; NTP, PTP and GPS daemons set it again.
"""

from __future__ import annotations

import ctypes
import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_STA_UNSYNC, _STA_NANO = 0x40, 0x2000
_TIME_ERROR = 5
_MINE_NS = 2_000_000_000  # farther from the kernel's time, ours is not the clock that it speaks of (a faked one)
_SECOND_NS = 1_000_000_000


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),
        *((name, ctypes.c_long) for name in ("offset", "freq", "maxerror", "esterror")),
        ("status", ctypes.c_int),
        *((name, ctypes.c_long) for name in ("constant", "precision", "tolerance", "seconds", "fraction")),
        ("rest", ctypes.c_long * 32),  # more than any kernel writes
    )


def kept_right(wall_ns: int) -> bool:
    """Whether the kernel says that its wall clock, which shows `wall_ns` now, is kept right by something."""
    ask = _adjtimex()
    answer = _Timex()
    if ask is None:
        return False
    state = ask(ctypes.byref(answer))
    if state < 0 or state == _TIME_ERROR or answer.status & _STA_UNSYNC:
        return False  # not kept right, or a sandbox that forbids to ask
    fraction_ns = answer.fraction if answer.status & _STA_NANO else answer.fraction * 1_000
    off_ns: int = answer.seconds * _SECOND_NS + fraction_ns - wall_ns
    return abs(off_ns) <= _MINE_NS


@functools.cache
def _adjtimex() -> Callable[[object], int] | None:
    try:
        function = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):  # no glibc or musl
        return None
    function.restype = ctypes.c_int
    return function
