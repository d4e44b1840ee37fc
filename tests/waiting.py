"""Waiting for something that another process does, with a bound."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

LOOK_AGAIN_S = 0.02


def wait_until(condition: Callable[[], T | None], what: str, seconds: float = 30.0) -> T:
    """Return what the condition gives as soon as it holds; fail, naming it, where it does not come to hold in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(LOOK_AGAIN_S)
    return found
