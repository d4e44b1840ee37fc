"""Rows that wait for the next commit: bounded in memory, the oldest discarded and counted beyond it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from msgspec import structs

from agent.buffer.schema import LATEST_NS
from agent.clock import Stamp, utc
from agent.model import Block

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.model import Reading, Stream
    from agent.steady import Step
    from agent.summary import Summary
    from agent.truth import LabelRecord

_NEVER = Stamp("", 0, 0, 0, 0)
_READING_BYTES = 300  # a Reading with its labels, as Python keeps it
_LABEL_BYTES = 500
_ROW_BYTES = 29  # time, latency, status, id and weight of a row
_SUMMARY_BYTES = 5_000


@dataclass(frozen=True, slots=True)
class Told:
    """Labels that came together, and how far their ring was read."""

    records: tuple[LabelRecord, ...]
    source: str = ""
    last_seq: int = 0

    def __len__(self) -> int:
        return len(self.records)


WindowRow = tuple[int, int, int, int, str]  # number; wall time at which it was opened, from and until when; finding


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the recorder gives beside rows: summaries with their numbers, rows of which only the answer is kept."""

    summaries: tuple[tuple[int, Summary], ...] = ()
    answers: Block | None = None
    window: WindowRow | None = None

    def __len__(self) -> int:
        return len(self.summaries) + (0 if self.answers is None else len(self.answers))


Waiting = Block | list["Reading"] | Told | Recorded


@dataclass(slots=True)
class Batch:
    """What goes to the disk in one transaction, under one id."""

    id: int = 0
    blocks: list[Block] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    labels: list[LabelRecord] = field(default_factory=list)
    read_to: dict[str, int] = field(default_factory=dict)  # rings of labels
    summaries: list[tuple[int, Summary]] = field(default_factory=list)
    answers: list[Block] = field(default_factory=list)
    windows: list[WindowRow] = field(default_factory=list)
    failures: int = 0
    stamp: Stamp = _NEVER  # when it was made up, and by which clock its times are
    observed_ns: int = 0  # as `agent.buffer.age` counts

    @property
    def rows(self) -> int:
        """How many inferences."""
        return sum(map(len, self.blocks))

    @property
    def streams(self) -> set[Stream]:
        """Whose rows, answers and summaries are in it."""
        streams = {block.stream for block in (*self.blocks, *self.answers)}
        return streams | {summary.stream for _, summary in self.summaries}

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        kept = (self.blocks, self.readings, self.labels, self.read_to, self.summaries, self.answers, self.windows)
        return not any(kept)

    @property
    def contents(self) -> str:
        """What is in it, counted in words."""
        counts = (
            (self.rows, "rows"),
            (len(self.readings), "host readings"),
            (len(self.labels), "labels"),
            (len(self.summaries), "summaries of minutes"),
            (sum(map(len, self.answers)), "answers"),
            (len(self.windows), "windows of findings"),
        )
        return ", ".join(f"{count} {what}" for count, what in counts if count) or "how far labels were read"

    @property
    def day(self) -> str:
        """The day of its newest row, reading or label; where it has none, that of its making."""
        times = [int(block.time_ns.max()) for block in self.blocks if len(block)]
        times += [reading.time_ns for reading in self.readings[-1:]]
        newest = max([*times, *(record.told_ns for record in self.labels[-1:])], default=self.stamp.wall_ns)
        return utc(min(max(newest, 0), LATEST_NS)).strftime("%Y%m%d")

    @property
    def bytes(self) -> int:
        """About what it takes in memory."""
        blocks = sum(map(_size, [*self.blocks, *self.answers])) + _SUMMARY_BYTES * len(self.summaries)
        return blocks + _READING_BYTES * len(self.readings) + _LABEL_BYTES * len(self.labels)

    @property
    def positions(self) -> dict[str, int]:
        """The last sequence number of each source in it."""
        return {block.source: block.last_seq for block in self.blocks if block.source} | self.read_to


class Pending:
    """A queue of blocks and readings. Safe to fill from one thread while another takes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._items: deque[Waiting] = deque()
        self._bytes = 0
        self.discarded_rows = 0
        self.discarded_readings = 0
        self.discarded_labels = 0
        self.discarded_summaries = 0
        self.discarded_answers = 0
        self.discarded_windows = 0

    @property
    def notes(self) -> list[str]:
        """What was discarded beside rows, in words."""
        lost = (
            (self.discarded_readings, "host readings"),
            (self.discarded_labels, "labels"),
            (self.discarded_summaries, "summaries of minutes"),
            (self.discarded_answers, "answers"),
            (self.discarded_windows, "windows of findings"),
        )
        return [f"{count} {what} were discarded for want of room" for count, what in lost if count]

    @property
    def waiting(self) -> bool:
        """Whether anything waits."""
        return bool(self._items)

    def add(self, blocks: Sequence[Block], readings: Sequence[Reading]) -> None:
        """Take rows in."""
        with self._lock:
            self._items.extend(blocks)
            if readings:
                self._items.append(list(readings))
            self._bytes += sum(map(_size, blocks)) + _READING_BYTES * len(readings)
            self._trim()

    def add_recorded(self, recorded: Recorded) -> None:
        """Take in what the recorder has beside rows."""
        with self._lock:
            self._items.append(recorded)
            self._bytes += _size(recorded)
            self._trim()

    def add_labels(self, told: Told) -> None:
        """Take labels in."""
        with self._lock:
            self._items.append(told)
            self._bytes += _size(told)
            self._trim()

    def summaries(self) -> list[tuple[int, Summary]]:
        """Return the summaries that wait, with their numbers, oldest first."""
        with self._lock:
            return [one for item in self._items if isinstance(item, Recorded) for one in item.summaries]

    def take(self, most_bytes: int) -> Batch:
        """Remove the oldest items, `most_bytes` of them or a single larger one."""
        batch, taken = Batch(), 0
        with self._lock:
            while self._items and (not taken or taken + _size(self._items[0]) <= most_bytes):
                item = self._items.popleft()
                taken += _size(item)
                if isinstance(item, Block):
                    batch.blocks.append(item)
                elif isinstance(item, Told):
                    batch.labels.extend(item.records)
                    if item.source:
                        batch.read_to[item.source] = item.last_seq
                elif isinstance(item, Recorded):
                    batch.summaries.extend(item.summaries)
                    batch.answers.extend([] if item.answers is None else [item.answers])
                    batch.windows.extend([] if item.window is None else [item.window])
                else:
                    batch.readings.extend(item)
            self._bytes -= taken
        return batch

    def rebase(self, step: Step) -> None:
        """Correct the times of what waits, after the clock was set."""
        with self._lock:
            self._items = deque(_moved(item, step) for item in self._items)

    def trim(self, held_bytes: int) -> None:
        """Keep the bound while `held_bytes` more are held elsewhere."""
        with self._lock:
            self._trim(held_bytes)

    def _trim(self, held_bytes: int = 0) -> None:
        while self._items and self._bytes + held_bytes > self._limit:
            item = self._items.popleft()
            self._bytes -= _size(item)
            if isinstance(item, Block):
                self.discarded_rows += len(item)
            elif isinstance(item, Told):
                self.discarded_labels += len(item)
            elif isinstance(item, Recorded):
                self.discarded_summaries += len(item.summaries)
                self.discarded_answers += 0 if item.answers is None else len(item.answers)
                self.discarded_windows += item.window is not None
            else:
                self.discarded_readings += len(item)


def moved_block(block: Block, step: Step) -> Block:
    """Correct the times of a block."""
    return replace(block, time_ns=step.moved_all(block.time_ns))


def _moved(item: Waiting, step: Step) -> Waiting:
    if isinstance(item, Block):
        return moved_block(item, step)
    if isinstance(item, Recorded):
        window = item.window
        if window:
            number, opened, since, until, finding = window
            window = (number, step.moved(opened), step.moved(since), step.moved(until), finding)
        return Recorded(
            tuple((at, structs.replace(one, time_ns=step.moved(one.time_ns))) for at, one in item.summaries),
            None if item.answers is None else moved_block(item.answers, step),
            window,
        )
    if isinstance(item, Told):
        records = (
            structs.replace(one, told_ns=step.moved(one.told_ns), inferred_ns=step.moved(one.inferred_ns))
            for one in item.records
        )
        return replace(item, records=tuple(records))
    return [structs.replace(reading, time_ns=step.moved(reading.time_ns)) for reading in item]


def _size(item: Waiting) -> int:
    if isinstance(item, Block):
        return item.values.nbytes + _ROW_BYTES * len(item) + 200
    if isinstance(item, Recorded):
        return _SUMMARY_BYTES * len(item.summaries) + (0 if item.answers is None else _size(item.answers)) + 200
    return (_LABEL_BYTES if isinstance(item, Told) else _READING_BYTES) * len(item)
