"""What the kernel says of its clock, as far as it is believed."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import pytest

from agent import kernel_clock

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_790_000_000
SECOND = 10**9


def answering(state: int, status: int, seconds: int, fraction: int) -> Callable[[object], int]:
    """A kernel that answers so."""

    def ask(where: object) -> int:
        answer = ctypes.cast(where, ctypes.POINTER(kernel_clock._Timex)).contents  # type: ignore[arg-type]
        answer.status, answer.seconds, answer.fraction = status, seconds, fraction
        return state

    return ask


@pytest.mark.parametrize(
    ("state", "status", "seconds", "fraction", "right"),
    [
        (0, 0x01, NOW, 900_000, True),
        (0, 0x2001, NOW, 900_000_000, True),
        (5, 0x40, NOW, 0, False),
        (0, 0x40, NOW, 0, False),
        (-1, 0x01, NOW, 0, False),
        (0, 0x01, NOW - 3, 0, False),
    ],
    ids=["microseconds", "nanoseconds", "an error", "unsynchronised", "forbidden", "a clock that is not the kernel's"],
)
def test_a_clock_is_kept_right_where_the_kernel_says_so(
    monkeypatch: pytest.MonkeyPatch, state: int, status: int, seconds: int, fraction: int, *, right: bool
) -> None:
    """Of this very clock, and of no other (libfaketime, a container's)."""
    monkeypatch.setattr(kernel_clock, "_adjtimex", lambda: answering(state, status, seconds, fraction))
    assert kernel_clock.kept_right(NOW * SECOND + SECOND // 2) is right


def test_the_running_kernel_is_asked_without_harm() -> None:
    """Whatever it answers, a time that is years off is not the one that it keeps."""
    assert kernel_clock.kept_right(NOW * SECOND - 10**18) is False
