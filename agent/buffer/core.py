"""The buffer: takes rows in and makes them durable batch by batch; none that was acknowledged is lost, none is doubled.

A batch is acknowledged when `commit` returns and `positions` names it.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

from agent.buffer.config import MIB, BufferConfig
from agent.buffer.dating import Dating
from agent.buffer.files import Files
from agent.buffer.house import House
from agent.buffer.keeping import resume
from agent.buffer.labels import LabelShelf
from agent.buffer.outgoing.buffered import open_outbox
from agent.buffer.outgoing.drafts import Drafts
from agent.buffer.outgoing.references import References
from agent.buffer.pending import Pending
from agent.buffer.settling import Settling
from agent.buffer.summaries import read_summaries
from agent.buffer.wear import Written, open_wear

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import TypeVar

    from duckdb import DuckDBPyConnection

    from agent.baselines import Evidence, SignalBaseline
    from agent.buffer.engine import Engine
    from agent.buffer.lock import DirectoryLock
    from agent.buffer.recorder import Recorder
    from agent.buffer.segment import Segment
    from agent.model import Block, Finding, Reading
    from agent.status import BufferStatus, Repair
    from agent.steady import SteadyClock, Step
    from agent.summary import Summary

    T = TypeVar("T")

_MOST_NOTES = 20


class Buffer:
    """The store of one directory, or of memory alone where it cannot be written (`lock` None). Made by `open_buffer`.

    The methods of `agent.ports.Store`, of `outbox` and of `drafts` are called by one thread, `cursor` and `suspect` by
    any.
    """

    def __init__(
        self, directory: Path, clock: SteadyClock, config: BufferConfig, lock: DirectoryLock | None,
        notes: Sequence[str] = (), run_dir: Path | None = None,
    ) -> None:  # fmt: skip
        written = Written()  # what opening the files writes, too
        self._directory = directory
        self._clock = clock
        self._lock = lock
        self._notes = list(notes)
        self._turn = threading.RLock()
        self._pending = Pending(round(config.pending_mib * MIB))
        self.labels = LabelShelf(self._pending, self._ask)
        self._closed = False
        self._committed_ns: int | None = None  # since boot
        with ExitStack() as letting_go:  # where something is raised half-way
            files = self._files = Files(directory, config, clock.stamp, disk=lock is not None)
            letting_go.callback(files.end)
            self.dating = Dating(files, clock)
            self._notes += self.dating.notes
            self._settling = Settling(files, self._pending, self.dating, self.suspect)
            self.dating.keep()
            wear = open_wear(files, config, clock, written)
            models, step = self.labels.models, self.dating.step
            self._keeping = resume(files, config, clock, run_dir, self._pending, models, step, wear.windows)
            letting_go.callback(self._keeping.close)
            recorder = self._keeping.recorder
            self._references = References(files)
            self.outbox = open_outbox(files, self.dating, clock, config, recorder, self._references)
            self.drafts = Drafts(self.outbox)
            self._house = House(files, config, wear, self.dating.observed, recorder.thin, self.outbox)
            letting_go.pop_all()

    @property
    def repairs(self) -> tuple[Repair, ...]:
        """What was wrong with the files and what was done about it, oldest first."""
        return self._files.repairer.repairs

    def append(self, blocks: Sequence[Block], readings: Sequence[Reading]) -> None:
        """Take rows in, to be durable at the next commit."""
        with self._turn:
            self.dating.note()
        self._keeping.append(blocks, readings)

    def commit(self, *, everything: bool = True) -> None:
        """Make durable what was appended, as far as the disk lets it; or only what should not wait longer."""
        with self._turn:
            if self._house.bring_back():
                self.dating.was_set()  # meanwhile, perhaps
            if not (everything or self._settling.underway or self._files.refusals.waits or self._keeping.due()):
                return
            if self._settling.write():
                self._committed_ns = self._clock.since_boot_ns()
            if self.settled:
                self._keeping.committed()
            self._house.keep(waiting=not self.settled)
            self.dating.keep()

    def rebase(self, step: Step) -> None:
        """Correct what this boot wrote, after the clock was set; a full disk delays it."""
        with self._turn:
            self.dating.was_set()
            self._pending.rebase(step)
            self._keeping.recorder.rebase(step)
            self._house.wear.rebase(step)
            self.dating.keep()
            self.outbox.rebase(step)

    def save_finding(self, finding: Finding) -> None:
        """Append one state of a finding, durable when this returns; what the disk refuses waits, and status says so."""
        with self._turn:
            self._files.ledger.save(finding)
            self._files.flush()
            if thinned := self._keeping.found(finding):
                self._files.ledger.tell("thinning", thinned)

    def carry(self, findings: Sequence[Finding]) -> None:
        """Take over findings, oldest first, that an agent made while it kept nothing: of their rows there are none."""
        with self._turn:
            for finding in findings:
                self._files.ledger.save(finding)
            self._keeping.pass_over(findings)
            self._files.flush()

    def findings(self, *, everything: bool = False) -> list[Finding]:
        """Return the newest state of every finding that is not closed, or of all, newest first."""
        with self._turn:
            return self._files.read_core(lambda engine: self._files.ledger.findings(engine, everything=everything))

    def put_state(self, stream_key: str, part: str, payload: bytes) -> None:
        """Keep a part's state in place of what was kept before, durable when this returns."""
        with self._turn:
            self._files.ledger.put_state(stream_key, part, payload)
            self._files.flush()
            self._keeping.checkpoints.drop(stream_key, part)

    def put_checkpoint(self, stream_key: str, part: str, payload: bytes) -> None:
        """Keep a state where a kill leaves it and a power cut does not; where there is no such place, as a state."""
        with self._turn:
            if not self._keeping.put_checkpoint(stream_key, part, payload):
                self.put_state(stream_key, part, payload)

    def get_state(self, stream_key: str, part: str) -> bytes | None:
        """Return what `put_state` or `put_checkpoint` kept, whichever was later, or None."""
        with self._turn:
            return self._keeping.get_state(stream_key, part)

    def state_keys(self, part: str) -> list[str]:
        """Return the streams of which such a part is kept."""
        with self._turn:
            return self._files.read_core(lambda engine: self._files.ledger.state_keys(engine, part))

    @property
    def settled(self) -> bool:
        """Whether no row waits to be written."""
        return not (self._settling.underway or self._pending.waiting)

    def mark(self) -> bytes:
        """Say how far the rows are written."""
        with self._turn:
            return self._keeping.mark()

    def rows_since(self, stream_key: str, mark: bytes) -> Iterator[Block]:
        """Yield the committed rows of a stream since `mark`, in their order. Raises OSError, ValueError."""
        with self._turn:
            yield from self._keeping.rows_since(stream_key, mark)

    def last_rows(self, stream_key: str, count: int, until: bytes | None = None) -> list[Block]:
        """Return the newest `count` committed rows of a stream, or of those up to a mark. Raises as `rows_since`."""
        with self._turn:
            return self._keeping.last_rows(stream_key, count, until)

    def know_reference(
        self, stream_key: str, name: str, described: Sequence[SignalBaseline], evidence: Evidence = dict
    ) -> None:
        """Hear what a stream is compared with; nothing described: it is being learned."""
        with self._turn:
            self._keeping.know(stream_key, name, described, evidence)
            self._references.know(stream_key, name, described)

    @property
    def wants_checkpoint(self) -> bool:
        """Whether states should be saved now, so that the rows since the last mark can still be judged again."""
        return self._keeping.recorder.wants_checkpoint

    @property
    def recorder(self) -> Recorder:
        """What decides which rows are stored."""
        return self._keeping.recorder

    def summaries_since(self, number: int, most: int = 1_000) -> list[tuple[int, Summary]]:
        """Return the committed summaries after a number, each with its own, oldest first."""
        return self._ask(lambda engine, segments: read_summaries(engine, segments[::-1], number, most))

    def unstored_minutes(self, model: str) -> tuple[int, list[Summary]]:
        """Return a model's minutes that no file has, the open ones too, and the number up to which files have all."""
        with self._turn:
            waiting = self._settling.summaries
            last = waiting[0][0] - 1 if waiting else self.recorder.last_summary
            found = [summary for _, summary in waiting if summary.stream.model == model]
            return last, found + self.recorder.open_minutes(model)

    def add_event(self, kind: str, subject: str, detail: str, *, time_ns: int | None = None, count: int = 0) -> None:
        """Keep a line of the device's history; it is durable with the next commit."""
        with self._turn:
            moment = self._clock.wall_ns() if time_ns is None else time_ns
            self._files.ledger.add_event(moment, kind, subject, detail, count)

    def positions(self) -> dict[str, int]:
        """Return, per source, the sequence number of the last committed record."""
        with self._turn:
            return self._files.segments.positions()

    def status(self) -> BufferStatus:
        """Return the buffer's own state, as of the last commit. Touches no file and waits for nothing."""
        notes = [*self._notes, *self._files.repairer.notes[-_MOST_NOTES:]]
        notes += [*self._files.notes, *self._pending.notes, *self._keeping.recorder.notes]
        committed_ns = self._committed_ns
        return self._house.status(
            path=str(self._directory),
            notes=tuple(notes),
            last_commit=None if committed_ns is None else self.dating.told(committed_ns),
            discarded_rows=self._settling.discarded_rows + self._pending.discarded_rows,
            trouble=self._files.refusals.trouble(self.dating.told),
        )

    def cursor(self) -> AbstractContextManager[DuckDBPyConnection]:
        """Give a connection for one query, in any thread. Raises UnavailableError where the files are closed."""
        return self._files.gate.cursor()

    def lend(self, interrupt: Callable[[], object]) -> AbstractContextManager[None]:
        """Let another process read the files; `interrupt` has it let go of them when they have to be closed."""
        return self._files.gate.lend(interrupt)

    @property
    def awaited(self) -> dict[str, str]:
        """The files whose rows are still being read back after a start, and what to say of each."""
        return self._files.returning.awaited

    def suspect(self) -> None:
        """Say that a query met damaged data: the segments are read through, one a commit, and set aside if damaged."""
        self._house.suspected = True

    def close(self) -> None:
        """Commit and let go of the files. May be called twice."""
        with self._turn:
            if self._closed:
                return
            self._closed = True
            with ExitStack() as letting_go:  # all of it, whatever is raised before
                if self._lock:
                    letting_go.callback(self._lock.release)
                letting_go.callback(self._files.end)
                letting_go.callback(self._keeping.close)
                self._house.save()
                self._keeping.finish()
                self.commit()

    def _ask(self, question: Callable[[Engine, list[Segment]], T]) -> T:
        with self._turn:
            return self._files.read(lambda engine: question(engine, self._files.segments.opened[::-1]))
