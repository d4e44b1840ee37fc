"""`core.duckdb`: findings as append-only transitions, identities of streams, states and events.

What is queued is durable once `flush` returns. What the disk refuses waits in memory (`agent.buffer.delayed`) and is
tried again at the next commit; until then it can be read from here.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from agent.buffer import era_schema, schema, witness
from agent.buffer.delayed import Delayed
from agent.buffer.eras import Eras
from agent.buffer.tables import prepare_tables, read_streams
from agent.buffer.text import encode
from agent.model import Finding, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from agent.buffer.delayed import Key
    from agent.buffer.engine import Engine
    from agent.buffer.eras import Era
    from agent.clock import Stamp

_finding = msgspec.json.Decoder(Finding)


class Ledger:
    """The core database. `path` is None in memory."""

    def __init__(self, path: Path | None, stamp: Callable[[], Stamp]) -> None:
        self.path = path
        self.eras = Eras(schema.CORE)
        self._stamp = stamp
        self.streams: dict[Stream, int] = {}
        self._unreadable = 0
        self._seq = self._events = 0
        self._saved: dict[str, tuple[int, Finding]] = {}  # with its sequence number
        self._delayed = Delayed()
        self._states: dict[tuple[str, str], bytes] = {}
        self.testify: Callable[[], bytes] = bytes  # what else was acknowledged; it is written along
        self._testified = b""

    def load(self, engine: Engine) -> None:
        """Make the tables where they are missing, and read what has to be at hand."""
        newest = schema.CORE_VERSION
        _, names = prepare_tables(engine, schema.CORE, schema.CORE_TABLES, self.path, newest=newest)
        self.eras.load(engine, known=era_schema.ERAS_TABLE in names)
        self.streams |= read_streams(engine, schema.CORE)
        self._seq = max(self._seq, engine.run(schema.READ_LAST_FINDING)[0][0])

    @property
    def source(self) -> era_schema.Source:
        """What the views have to know of it."""
        return era_schema.Source(schema.CORE, (), (era_schema.ERAS_TABLE,) if self.eras.known else (), self.eras.shifts)

    @property
    def waiting(self) -> int:
        """How many writes the disk has not taken yet."""
        return len(self._delayed)

    @property
    def notes(self) -> list[str]:
        """What is not stored, or cannot be read, in words."""
        notes = self._delayed.notes
        if self._unreadable:
            notes.append(f"{self._unreadable} stored states of findings cannot be read: a later version wrote them")
        return notes

    @property
    def overdue(self) -> list[str]:
        """What should be durable and is not, in words; right after a flush that failed."""
        count = self._delayed.findings
        return [f"{count} states of findings wait in memory until the disk takes them"] if count else []

    def number_of(self, stream: Stream) -> int:
        """Give a stream its number; a new one is written with the next flush."""
        number = self.streams.get(stream)
        if number is None:
            number = self.streams[stream] = max(self.streams.values(), default=0) + 1
            self._add_stream(number, stream)
        return number

    def learn_streams(self, known: Mapping[Stream, int]) -> None:
        """Take over identities from a segment that the core, having been replaced, does not know."""
        taken = set(self.streams.values())
        for stream, number in known.items():
            if stream not in self.streams and number not in taken:
                self.streams[stream] = number
                self._add_stream(number, stream)

    def save(self, finding: Finding) -> None:
        """Queue one state of a finding."""
        self._seq += 1
        self._saved[finding.id] = self._seq, finding
        era = self.era()
        insert = (schema.INSERT_FINDING, (*_finding_row(self._seq, finding), era.number))
        self._queue(("finding", self._seq), [self.eras.insert(era), insert])

    def rebase(self, engine: Engine, now: Stamp) -> None:
        """Queue a new state of each finding that was saved in this boot before the clock was set, its times right.

        Nothing waits to be written.
        """
        steps = {era.number: era.step(now) for era in self.eras.off(now)}
        for record, era in engine.run(schema.READ_FINDINGS_OF, [list(steps)]):
            with suppress(msgspec.MsgspecError):  # one of a later version, which `findings` counts
                finding = _finding.decode(record)
                moved = steps[era].moved_finding(finding)
                if moved != finding:
                    self.save(moved)

    def put_state(self, key: str, part: str, payload: bytes) -> None:
        """Queue a part's state."""
        self._states[key, part] = payload
        self._queue(("state", (key, part)), _replace_state(key, part, payload))

    def tell(self, kind: str, detail: str) -> None:
        """Queue an event of the buffer itself, of this moment."""
        self.add_event(self._stamp().wall_ns, kind, "buffer", detail, 0)

    def add_event(self, time_ns: int, kind: str, subject: str, detail: str, count: int) -> None:
        """Queue an event."""
        era = self.era()
        insert = (schema.INSERT_EVENT, (time_ns, kind, subject, detail, count, era.number))
        self._events += 1
        self._queue(("event", self._events), [self.eras.insert(era), insert])

    def flush(self, engine: Engine, commit: Callable[[], None]) -> None:
        """Write what waits, one transaction each, oldest first; stop at the first that fails by raising its error."""
        while self._delayed:
            (kind, which), statements = self._delayed.first()
            # A commit can raise although it is durable, so a finding is looked up before it is written again; the
            # other statements may be repeated.
            if not (kind == "finding" and engine.run(schema.READ_FINDING_SEQ, [which])[0][0]):
                engine.begin()
                testimony = self.testify()
                along = _replace_state(*witness.STATE, testimony) if testimony != self._testified else []
                for sql, values in (*statements, *along):
                    engine.run(sql, values)
                commit()
                self._testified = testimony
            self._delayed.done()
        self._saved.clear()
        self._states.clear()

    def findings(self, engine: Engine, *, everything: bool) -> list[Finding]:
        """Return the newest state of the findings, newest first."""
        newest: dict[str, Finding] = {}
        unreadable = 0
        for (record,) in engine.run(schema.READ_FINDINGS):
            try:
                finding = _finding.decode(record)
            except msgspec.MsgspecError:
                unreadable += 1
            else:
                newest[finding.id] = finding
        self._unreadable = unreadable
        newest |= {finding.id: finding for _, finding in self._saved.values()}
        found = [finding for finding in newest.values() if everything or finding.state != "closed"]
        return sorted(found, key=lambda finding: (finding.opened, finding.id), reverse=True)

    def get_state(self, engine: Engine, key: str, part: str) -> bytes | None:
        """Return a part's state; None where there is none, or an empty one."""
        if (key, part) in self._states:
            return self._states[key, part] or None
        found = engine.run(schema.READ_STATE, [key, part])
        return (bytes(found[0][0]) if found else b"") or None

    def state_keys(self, engine: Engine, part: str) -> list[str]:
        """Return the streams of which such a part is kept, and is not empty."""
        kept = {key for (key,) in engine.run(schema.READ_STATE_KEYS, [part])}
        for (key, other), payload in self._states.items():
            if other == part:
                kept = kept | {key} if payload else kept - {key}
        return sorted(kept)

    def era(self) -> Era:
        """Return the present era; whoever writes something that is of it inserts it along."""
        stamp = self._stamp()
        era = self.eras.find(stamp)
        if era is None:
            era = self.eras.next(stamp)
            self.eras.add(era)
        return era

    def _add_stream(self, number: int, stream: Stream) -> None:
        values = (number, *msgspec.structs.astuple(stream), number)
        self._queue(("stream", number), [(schema.INSERT_STREAM_ONCE.format(db=schema.CORE), values)])

    def _queue(self, key: Key, statements: list[schema.Statement]) -> None:
        dropped = set(self._delayed.add(key, statements))
        if dropped:
            self._saved = {i: saved for i, saved in self._saved.items() if ("finding", saved[0]) not in dropped}
            self._states = {at: payload for at, payload in self._states.items() if ("state", at) not in dropped}


def _replace_state(key: str, part: str, payload: bytes) -> list[schema.Statement]:
    return [(schema.DELETE_STATE, (key, part)), (schema.INSERT_STATE, (key, part, payload))]


def _finding_row(seq: int, finding: Finding) -> tuple[object, ...]:
    return (
        seq,
        finding.id,
        finding.state,
        finding.kind,
        finding.severity,
        finding.stream.model,
        finding.stream.version,
        _naive(finding.onset),
        _naive(finding.opened),
        _naive(finding.updated),
        _naive(finding.closed),
        finding.sentence,
        finding.advice,
        finding.row,
        finding.onset_row,
        finding.note,
        encode(finding),
    )


def _naive(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)
