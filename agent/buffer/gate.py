"""Lets queries in beside the writer, and clears them out before files are closed under them.

Each query has a cursor of its own: DuckDB connections must not be shared between threads. The writer never waits here
except to reopen files after a fault.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from agent.buffer.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from duckdb import DuckDBPyConnection

_INTERRUPT_EVERY_S = 0.05


class Gate:
    """Hands out cursors of the current DuckDB instance. `prepare` is called with each, in the thread that asked."""

    def __init__(self, prepare: Callable[[DuckDBPyConnection], None] = lambda _: None) -> None:
        self._prepare = prepare
        self._changed = threading.Condition()
        self._root: DuckDBPyConnection | None = None
        self._why = ""
        self._inside: dict[int, DuckDBPyConnection] = {}
        self._lent: list[Callable[[], object]] = []

    def open(self, root: DuckDBPyConnection) -> None:
        """Let queries in, to cursors of `root`."""
        with self._changed:
            self._root, self._why = root, ""
            self._changed.notify_all()

    def stay_closed(self, why: str) -> None:
        """Have nobody wait: the files cannot be opened now."""
        with self._changed:
            self._why = why
            self._changed.notify_all()

    @contextmanager
    def cursor(self, wait_s: float = 5.0) -> Iterator[DuckDBPyConnection]:
        """Give a cursor. Raises UnavailableError where the files cannot be opened, or stay closed for `wait_s`."""
        with self._changed:
            self._wait(wait_s)
            if self._root is None:
                raise UnavailableError(self._why or "the buffer is closed")
            cursor = self._root.cursor()
            self._inside[id(cursor)] = cursor
        try:
            try:
                self._prepare(cursor)
            except duckdb.Error as error:
                raise UnavailableError(str(error)) from error
            yield cursor
        finally:
            cursor.close()
            with self._changed:
                del self._inside[id(cursor)]
                self._changed.notify_all()

    @contextmanager
    def lend(self, interrupt: Callable[[], object], wait_s: float = 5.0) -> Iterator[None]:
        """Let another process read the files; `interrupt` has it let go of them when they have to be closed.

        Where they cannot be opened here, it may still read them: nobody interrupts it then.
        """
        with self._changed:
            self._wait(wait_s)
            self._lent.append(interrupt)
        try:
            yield
        finally:
            with self._changed:
                self._lent.remove(interrupt)

    def _wait(self, wait_s: float) -> None:
        self._changed.wait_for(lambda: self._root is not None or self._why, wait_s)

    def interrupt(self) -> int:
        """Interrupt every query of this process; return how many there were."""
        with self._changed:
            for cursor in self._inside.values():
                cursor.interrupt()
            return len(self._inside)

    def clear(self, wait_s: float = 5.0) -> bool:
        """Close the gate and interrupt whoever is inside; return whether all left within `wait_s`."""
        with self._changed:
            # A process may be waiting for whoever reads its answer, so it is not waited for.
            for interrupt in self._lent if self._root else ():
                interrupt()
            self._root = None
            for _ in range(max(1, round(wait_s / _INTERRUPT_EVERY_S))):
                # An interrupt that comes just before a query starts is lost, so it is repeated.
                for cursor in self._inside.values():
                    cursor.interrupt()
                if self._changed.wait_for(lambda: not self._inside, _INTERRUPT_EVERY_S):
                    return True
            return False
