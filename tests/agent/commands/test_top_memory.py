"""What `driftline top` asks of the C library."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from agent.commands import top

if TYPE_CHECKING:
    import pytest


class Library:
    """Hears what is set."""

    def __init__(self) -> None:
        self.settings: list[tuple[int, int]] = []

    def mallopt(self, name: int, value: int) -> int:
        self.settings.append((name, value))
        return 1


def test_large_answers_go_back_and_all_threads_have_one_heap(monkeypatch: pytest.MonkeyPatch) -> None:
    """M_MMAP_THRESHOLD is -3 and M_ARENA_MAX -8 in the GNU C library's malloc.h."""
    library = Library()
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: library)
    top._give_back_large_blocks()  # nothing else of the command runs without a terminal
    assert [name for name, _ in library.settings] == [-3, -8]


def test_a_library_without_such_settings_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dashboard starts there, too."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    top._give_back_large_blocks()  # as above
