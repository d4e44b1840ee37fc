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
from agent.buffer.outgoing.carried import Carried
from agent.buffer.outgoing.kept import Kept
from agent.buffer.outgoing.outbox import GRACE_NS, Outbox
from agent.buffer.outgoing.rollups import Rollups, joined
from agent.buffer.outgoing.slots import Numbered
from agent.buffer.outgoing.standing import standing_at
from agent.buffer.summaries import read_summaries
from agent.model import Finding
from agent.outbound import FindingChange

if TYPE_CHECKING:
    from collections.abc import Collection

    from agent.buffer.config import BufferConfig
    from agent.buffer.dating import Dating
    from agent.buffer.engine import Engine
    from agent.buffer.files import Files
    from agent.buffer.outgoing.references import References
    from agent.buffer.outgoing.stored import Sent
    from agent.buffer.recorder import Recorder
    from agent.clock import Clock
    from agent.outbound import DeadLetter, Egress, Rollup, Standing, Window

MOST_CARRIED = 32 << 20  # a start reads all of the core: that is a second or two on a slow card
CARRIED_SHARE = 16  # of what rows may take

_finding = msgspec.json.Decoder(Finding)


class BufferStore:
    """The buffer of `files`, as the outbox sees it."""

    def __init__(self, files: Files, dating: Dating, clock: Clock, references: References) -> None:
        self._files, self._clock, self._references = files, clock, references
        self._kept = Kept(files, dating)
        self._rollups = Rollups()
        most_bytes = min(MOST_CARRIED, files.segments.limit_bytes // CARRIED_SHARE)
        self._carried = Carried(files, self._kept, self._rollups, most_bytes)

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

    def standing(self, time_ns: int) -> tuple[Standing, ...]:
        """Return which findings stood at a moment of wall time."""
        return self._kept.read(lambda engine: standing_at(engine, time_ns))

    def rollups(self, start_ns: int, end_ns: int) -> tuple[Rollup, ...]:
        """Return the device's readings in a span of wall time."""
        return self._kept.read(lambda engine: self._read_rollups(engine, start_ns, end_ns))

    def idle(self, start_ns: int, end_ns: int) -> list[int]:
        """Return the slots of a span, by their start, in which the device was watched and no model ran."""
        return self._kept.read(
            lambda engine: self._carried.without(
                engine, self._rollups.idle(engine, self._files.segments.opened, start_ns, end_ns)
            )
        )

    def carry_over(self, after: int, upto: int, most: int, marks: Collection[int]) -> bool:
        """Merge some more of the summaries between two numbers to hours; return whether that is all."""
        return not self._is_expecting() and self._carried.carry_over(after, upto, most, marks)

    @property
    def carried_bytes(self) -> int:
        """What such hours take."""
        return self._carried.bytes

    def completed(self, window: Window) -> Window:
        """Return a window with what is known of its reference."""
        return self._references.completed(window)

    def place(self, kind: str, name: str) -> bytes | None:
        """Return what was kept under a name."""
        return self._kept.place(kind, name)

    def places(self, kind: str) -> list[str]:
        """Return the names under which something is kept."""
        return self._kept.places(kind)

    def keep(self, sent: Sent) -> None:
        """Keep what a delivery changed, all of it or nothing; durable on return."""
        try:
            self._kept.keep(sent, lambda engine: self._carried.forget(engine, sent.passed))
        finally:
            self._carried.changed()

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
        if self._is_expecting():
            raise UnavailableError("rows are still being read back after a start")
        found = self._carried.summaries(engine, after, most)
        if len(found) < most:
            after = max(after, self._carried.last(engine))
            rest = read_summaries(engine, self._files.segments.opened, after, most - len(found))
            found += [Numbered(number, number, one) for number, one in rest]
        return found

    def _read_rollups(self, engine: Engine, start_ns: int, end_ns: int) -> tuple[Rollup, ...]:
        opened = self._files.segments.opened
        carried = self._carried.rollups(engine, start_ns, end_ns)
        if carried is None:
            return self._rollups.of(engine, opened, start_ns, end_ns)
        readings, from_ns, upto_ns = carried
        before = self._rollups.of(engine, opened, start_ns, from_ns) if start_ns < from_ns else ()
        after = self._rollups.of(engine, opened, upto_ns, end_ns) if upto_ns < end_ns else ()
        return joined((*before, *readings, *after))

    def _is_expecting(self) -> bool:
        return any(segment.expected for segment in self._files.segments.opened)


def open_outbox(
    files: Files, dating: Dating, clock: Clock, config: BufferConfig, recorder: Recorder, references: References
) -> Outbox:
    """Return the outbox of a buffer. Where the newest summaries were lost, their numbers are not given out again."""
    grace_ns = GRACE_NS + round(config.recorder.quiet_seconds * 1e9)
    outbox = Outbox(BufferStore(files, dating, clock, references), grace_ns)
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
