"""Reads the files of an agent that is not running, or beside one that is; changes nothing in them.

What cannot be read is left out and named in `notes`: the agent's next start repairs it.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, TypeVar

import duckdb

from agent.buffer import schema
from agent.buffer.config import BufferConfig
from agent.buffer.engine import Engine
from agent.buffer.errors import BufferMissingError, CorruptError, UnavailableError
from agent.buffer.gate import Gate
from agent.buffer.ledger import Ledger
from agent.buffer.lock import DirectoryLock
from agent.buffer.log_mending import begins_right
from agent.buffer.repair import CORE_FILE
from agent.buffer.segment import Segment
from agent.buffer.segments import FOLDER, segment_files

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from agent.clock import Stamp
    from agent.model import Finding

T = TypeVar("T")


class Reader:
    """The files of one directory, read-only. Made by `open_readonly`; without a lock, beside the agent that has it.

    Segments `without` are left out, by the names of their files, and not mentioned.
    """

    def __init__(
        self, directory: Path, lock: DirectoryLock | None, config: BufferConfig | None = None, *, piped: bool = False,
        without: Container[str] = (),
    ) -> None:  # fmt: skip
        self._lock = lock
        self._engine = Engine(directory, config or BufferConfig(), piped=piped)
        self._gate = Gate()
        self._ledger = Ledger(directory / CORE_FILE, _nothing_is_written)
        self.notes: list[str] = []
        if not self._attach(directory / CORE_FILE, schema.CORE, lambda: self._ledger.load(self._engine)):
            self._ledger = Ledger(None, _nothing_is_written)
            self._engine.run(schema.attach(":memory:", schema.CORE))
            self._ledger.load(self._engine)
        folder = directory / FOLDER
        files = segment_files(folder) if folder.is_dir() else []
        segments = [Segment(*found) for found in files if found[2].name not in without]
        self.segments = [segment for segment in segments if self._attach_segment(segment)]
        sources = (segment.source if segment.waiting else segment.source.landed for segment in self.segments)
        for sql in schema.create_views(sources, self._ledger.source):
            self._engine.run(sql)
        for segment in self.segments:
            segment.show(self._engine.insert)
        self._gate.open(self._engine.root)

    def cursor(self) -> AbstractContextManager[DuckDBPyConnection]:
        """Give a connection for one query, in any thread."""
        return self._gate.cursor()

    def suspect(self) -> None:
        """Take note that a query met damaged data."""
        self.notes.append("some data is damaged; the agent's next start looks for it")

    def findings(self, *, everything: bool = False) -> list[Finding]:
        """Return the newest state of every finding that is not closed, or of all, newest first."""
        return self._ledger.findings(self._engine, everything=everything)

    @property
    def ledger(self) -> Ledger:
        """What the core is read through."""
        return self._ledger

    def ask(self, question: Callable[[Engine], T]) -> T:
        """Ask the open files, in this thread."""
        return question(self._engine)

    def changes_after(self, number: int) -> int:
        """Count the states of findings after a number."""
        sql = f"SELECT count(*) FROM {schema.CORE}.finding_history WHERE seq > ?"  # noqa: S608  # our own name
        return int(self._engine.run(sql, [number])[0][0])

    def state_keys(self, part: str) -> list[str]:
        """Return the streams of which such a part is kept."""
        return self._ledger.state_keys(self._engine, part)

    def get_state(self, stream_key: str, part: str) -> bytes | None:
        """Return what a part of the agent kept for a restart, or None."""
        return self._ledger.get_state(self._engine, stream_key, part)

    def close(self) -> None:
        """Let go of the files. May be called twice."""
        if self._gate.clear():
            self._engine.close()
        if self._lock:
            self._lock.release()

    def _attach_segment(self, segment: Segment) -> bool:
        assert segment.path is not None
        return self._attach(segment.path, segment.alias, lambda: segment.load(self._engine))

    def _attach(self, path: Path, alias: str, load: Callable[[], None]) -> bool:
        right = True
        try:
            right = begins_right(path)  # DuckDB would open beside another file's log as beside none
            self._engine.run(schema.attach(str(path), alias, read_only=True))
            load()
        except (CorruptError, duckdb.Error, OSError) as error:
            self._engine.rollback()
            self._engine.run(schema.detach(alias))
            if not path.exists():
                return False  # retention took it meanwhile
            why = str(error).splitlines()[0]
            of_log = "WAL" in why or not right
            words = "is left out until the agent mends its log" if of_log else "cannot be read and is left out"
            self.notes.append(f"{path.name} {words}: {why}")
            return False
        if not right:
            self.notes.append(f"{path.name} is read without its log, which is damaged where it begins")
        return True


def _nothing_is_written() -> Stamp:
    raise AssertionError("a reader takes no times")


@contextmanager
def core_alone(path: Path, config: BufferConfig) -> Iterator[Engine]:
    """Give the core by itself, read-only: findings and states. Raises UnavailableError where it cannot be read."""
    with closing(Engine(path.parent, config)) as engine:
        try:
            engine.run(schema.attach(str(path), schema.CORE, read_only=True))
        except duckdb.Error as error:
            raise UnavailableError(str(error).splitlines()[0]) from error
        yield engine


def open_readonly(directory: Path, *, piped: bool = False) -> Reader:
    """Open the buffer of a stopped agent for reading; `piped` lets DuckDB write to stdout.

    Raises
    ------
    BufferBusyError
        Its agent is running: ask the agent.
    BufferMissingError
        There is none in that directory.
    SchemaTooNewError
        A later version wrote it.
    """
    directory = directory.absolute()
    if not (directory / CORE_FILE).exists():
        raise BufferMissingError(directory)
    try:
        lock = DirectoryLock(directory, shared=True)
    except FileNotFoundError:
        raise BufferMissingError(directory) from None
    try:
        return Reader(directory, lock, piped=piped)
    except BaseException:
        lock.release()
        raise
