"""What the outbox needs of the buffer, over the real files. Conforms to `agent.buffer.outgoing.stored.Stored`.

Summaries are in the segments, which know what numbers they end with, so that a question goes to the one or two that
can answer it. Every call may raise UnavailableError: while the files are closed, cannot be read or written, or rows are
being read back after a start. Nothing is lost by that; the call is made again later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent.buffer import outgoing_schema as sql
from agent.buffer import schema
from agent.buffer.errors import UnavailableError
from agent.buffer.outgoing.kept import Kept
from agent.buffer.outgoing.outbox import GRACE_NS, Outbox
from agent.buffer.outgoing.rollups import Rollups
from agent.buffer.outgoing.slots import Numbered
from agent.buffer.summaries import read_summaries
from agent.model import Finding
from agent.outbound import FindingChange

if TYPE_CHECKING:
    from agent.buffer.config import BufferConfig
    from agent.buffer.dating import Dating
    from agent.buffer.engine import Engine
    from agent.buffer.files import Files
    from agent.buffer.outgoing.stored import Sent
    from agent.buffer.recorder import Recorder
    from agent.clock import Clock
    from agent.outbound import DeadLetter, Egress, Rollup, Window

_finding = msgspec.json.Decoder(Finding)


class BufferStore:
    """The buffer of `files`, as the outbox sees it."""

    def __init__(self, files: Files, dating: Dating, clock: Clock) -> None:
        self._files, self._clock = files, clock
        self._kept = Kept(files, dating)
        self._rollups = Rollups()

    def now_ns(self) -> int:
        """Return wall time as it is believed."""
        return self._clock.wall_ns()

    def instance(self) -> str:
        """Return the random name of the state directory."""
        return self._kept.instance()

    def summaries(self, after: int, most: int) -> list[Numbered]:
        """Return summaries after a number, in order; of segments that are not here what is known of them."""
        return self._kept.read(lambda engine: self._summaries(engine, after, most))

    def changes(self, after: int, most: int) -> list[FindingChange]:
        """Return states of findings after a number, in order; those of a later version are passed over."""
        return self._kept.read(lambda engine: _changes(engine, after, most))

    def newest(self) -> tuple[int, int]:
        """Return the numbers of the newest summary, and of the newest state of findings that are all closed."""
        settled = self._kept.read(lambda engine: engine.run(sql.READ_SETTLED_CHANGES.format(db=schema.CORE)))[0][0]
        return max((segment.last_summary for segment in self._files.segments.opened), default=0), settled

    def rollups(self, start_ns: int, end_ns: int) -> tuple[Rollup, ...]:
        """Return the device's readings in a span of wall time."""
        segments = self._files.segments
        return self._kept.read(lambda engine: self._rollups.of(engine, segments.opened, start_ns, end_ns))

    def completed(self, window: Window) -> Window:
        """Return a window with what is known of its reference."""
        return window

    def place(self, kind: str, name: str) -> bytes | None:
        """Return what was kept under a name."""
        return self._kept.place(kind, name)

    def places(self, kind: str) -> list[str]:
        """Return the names under which something is kept."""
        return self._kept.places(kind)

    def keep(self, sent: Sent) -> None:
        """Keep what a delivery changed, all of it or nothing; durable on return."""
        self._kept.keep(sent)

    def letters(self, destination: str | None, *, again: bool = False) -> list[DeadLetter]:
        """Return dead letters, newest first; with `again` those that are to be sent once more."""
        return self._kept.letters(destination, again=again)

    def send_again(self, destination: str | None) -> int:
        """Mark dead letters to be sent once more; return how many."""
        return self._kept.send_again(destination)

    def egress(self, since_ns: int, most: int) -> list[Egress]:
        """Return lines of the ledger, newest first."""
        return self._kept.egress(since_ns, most)

    def _summaries(self, engine: Engine, after: int, most: int) -> list[Numbered]:
        opened = self._files.segments.opened
        if any(segment.expected for segment in opened):
            raise UnavailableError("rows are still being read back after a start")
        return [Numbered(number, number, one) for number, one in read_summaries(engine, opened, after, most)]


def open_outbox(files: Files, dating: Dating, clock: Clock, config: BufferConfig, recorder: Recorder) -> Outbox:
    """Return the outbox of a buffer. Where the newest summaries were lost, their numbers are not given out again."""
    grace_ns = GRACE_NS + round(config.recorder.quiet_seconds * 1e9)
    outbox = Outbox(BufferStore(files, dating, clock), grace_ns)
    recorder.last_summary = max(recorder.last_summary, outbox.reached)
    return outbox


def _changes(engine: Engine, after: int, most: int) -> list[FindingChange]:
    found: list[FindingChange] = []
    while True:
        rows = engine.run(sql.READ_CHANGES.format(db=schema.CORE), [after, most])
        for number, record in rows:
            after = number
            try:
                found.append(FindingChange(number=number, finding=_finding.decode(record)))
            except msgspec.MsgspecError:  # a later version's, which the status counts
                continue
        if found or len(rows) < most:
            return found
