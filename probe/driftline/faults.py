"""What may pass out of the probe: nothing of its own, everything that the service's signal handlers raise in it.

A handler runs wherever the main thread happens to be. Where it raises (a time-out, say) while the probe is copying,
the exception is the service's own and goes on its way.
"""

from __future__ import annotations

import signal
import warnings
from typing import Any

_NUMBERS = tuple(int(number) for number in signal.valid_signals())
# Beneath the enumerations of `signal.getsignal`, which make a round over all signals take half a millisecond.
_handler: Any = getattr(signal.getsignal, "__wrapped__", signal.getsignal)


def is_services_own(error: BaseException) -> bool:
    """Tell whether an exception came out of a signal handler of the service."""
    trace = error.__traceback__
    if trace is None or trace.tb_next is None:
        return False  # raised right where it was caught, by no function in Python
    codes = set()
    while trace is not None:
        codes.add(trace.tb_frame.f_code)
        trace = trace.tb_next
    handlers = (_handler(number) for number in _NUMBERS)
    return any(_code(handler) in codes for handler in handlers if callable(handler))


def _code(handler: Any) -> Any:
    handler = getattr(handler, "func", handler)  # functools.partial
    code = getattr(handler, "__code__", None)  # a function, or a bound method
    return code if code is not None else getattr(type(handler).__call__, "__code__", None)


def warn(message: str) -> None:
    """Say something once; where warnings are made errors, say nothing."""
    try:
        warnings.warn(f"driftline: {message}", RuntimeWarning, stacklevel=3)
    except Exception:
        return
