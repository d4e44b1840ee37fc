"""How long something that failed is left alone before it is tried again."""

from __future__ import annotations

_MINUTE_NS = 60_000_000_000
_PAUSES_NS = (_MINUTE_NS, 10 * _MINUTE_NS, 60 * _MINUTE_NS)


def pause_ns(failures: int) -> int:
    """Return nanoseconds: a minute after the first failure, ten after the second, an hour after each other one.

    >>> [pause_ns(failures) // 60_000_000_000 for failures in (1, 2, 3, 40)]
    [1, 10, 60, 60]
    """
    return _PAUSES_NS[min(failures, len(_PAUSES_NS)) - 1]
