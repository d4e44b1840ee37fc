"""Puts large batches into crates beside the thread that writes them: compressing holds no lock of the interpreter's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from agent.buffer.crates import Bench, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.buffer.crates import Columns

LEAST_ROWS = 4_096  # fewer are in their crate before another thread has begun


class Packing:
    """One thread, which is there once it is needed, and ends with this."""

    def __init__(self) -> None:
        self._bench = Bench()
        self._worker = ThreadPoolExecutor(1, "driftline-packing")

    def begin(self, columns: Columns, signals: int) -> Callable[[], bytes]:
        """Begin to put columns into a crate; return what waits for it and gives it, or raises what `encode` raised."""
        if len(columns["t"]) >= LEAST_ROWS:
            try:
                return self._worker.submit(encode, columns, signals, self._bench).result
            except RuntimeError:  # the system gives no more threads
                pass
        return partial(encode, columns, signals)
