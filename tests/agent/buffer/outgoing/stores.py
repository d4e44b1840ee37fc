"""What the outbox stands on, in memory and on disk, with the same minutes in it."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from agent.buffer import Buffer, BufferConfig, open_buffer
from agent.buffer.outgoing.buffered import BufferStore
from agent.buffer.outgoing.outbox import GRACE_NS
from agent.buffer.outgoing.stored import Stored
from agent.buffer.pending import Recorded
from agent.clock import ManualClock
from agent.model import Reading
from tests.agent.buffer.outgoing.memory_store import MemoryStore
from tests.agent.buffer.outgoing.summaries import MINUTE_NS, START_NS, make_numbered
from tests.exporters.windows import make_change

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.buffer.outgoing.slots import Numbered


class TriedStore(Stored, Protocol):
    """A store that a test can put things into. A new outbox over it is a restart."""

    minutes: list[Numbered]
    time_ns: int

    def run(self, minutes: int) -> None:
        """Let minutes pass, with a summary each."""
        ...

    def rest(self, minutes: int) -> None:
        """Let minutes pass in which no model runs; the device is watched."""
        ...

    def find(self, number: int, state: str = "open") -> None:
        """Keep a state of a finding."""
        ...

    def lose(self, number: int) -> None:
        """Have retention take everything up to a number."""
        ...

    def restart(self) -> None:
        """Stop and start."""
        ...


class DiskStore(BufferStore):
    """The buffer of a directory, into which minutes come as the recorder would give them."""

    def __init__(self, directory: Path) -> None:
        self.minutes: list[Numbered] = []
        self.time_ns = START_NS
        self.device = ManualClock(START_NS)
        self._directory = directory
        self._open()

    @property
    def buffer(self) -> Buffer:
        """The buffer."""
        return self._buffer

    def _open(self) -> None:
        buffer = self._buffer = open_buffer(self._directory, self.device, BufferConfig())
        super().__init__(buffer._files, buffer.dating, buffer._clock, buffer._references)

    def now_ns(self) -> int:
        return self.time_ns + GRACE_NS

    def run(self, minutes: int) -> None:
        for _ in range(minutes):
            one = make_numbered(len(self.minutes) + 1, (self.time_ns - START_NS) // MINUTE_NS)
            self.minutes.append(one)
            self._buffer._pending.add_recorded(Recorded(summaries=((one.first, one.summary),)))
            self._buffer._pending.add([], [Reading("hw.temperature", "Cel", 50.0, self.time_ns)])
            self.time_ns += MINUTE_NS
        self._buffer.commit()

    def rest(self, minutes: int) -> None:
        for _ in range(minutes):
            self._buffer._pending.add([], [Reading("hw.temperature", "Cel", 50.0, self.time_ns)])
            self.time_ns += MINUTE_NS
        self._buffer.commit()

    def find(self, number: int, state: str = "open") -> None:
        self._buffer.save_finding(make_change(number, state).finding)

    def lose(self, number: int) -> None:
        for segment in self._files.segments.opened:
            self._buffer._files.read(
                lambda engine, alias=segment.alias: engine.run(  # type: ignore[misc]
                    f"DELETE FROM {alias}.summaries WHERE number <= {number}"  # names of ours
                )
            )

    def restart(self) -> None:
        self._buffer.close()
        self._open()


@contextmanager
def in_memory() -> Iterator[MemoryStore]:
    """Give a store in memory."""
    yield MemoryStore()


@contextmanager
def on_disk() -> Iterator[DiskStore]:
    """Give a store on disk."""
    with tempfile.TemporaryDirectory() as directory:
        store = DiskStore(Path(directory))
        try:
            yield store
        finally:
            store.buffer.close()
