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
    """One thread, which is there from the first large batch until `close`. Used by one other thread."""

    def __init__(self) -> None:
        self._bench = Bench()
        self._worker = _worker()

    def begin(self, columns: Columns, signals: int) -> Callable[[], bytes]:
        """Begin to put columns into a crate; they are left as they are until it is done, or nobody wants it.

        Return what waits for the crate and gives it, or raises what `encode` raises. It need not be called.
        """
        if len(columns["t"]) >= LEAST_ROWS:
            try:
                return self._worker.submit(encode, columns, signals, self._bench).result
            except RuntimeError:  # the system gives no more threads
                self._worker = _worker()  # what was submitted would stay in memory, and go first
        return partial(encode, columns, signals)

    def close(self) -> None:
        """Let the thread end, once it is done. May be called twice."""
        self._worker.shutdown()


def _worker() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "driftline-packing")
