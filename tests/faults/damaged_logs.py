"""Logs of a segment damaged in every way at every byte, and what a start makes of each: many states a process."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from agent.buffer import BufferConfig
from agent.buffer.engine import Engine
from agent.buffer.repair import Repairer, guarded
from agent.buffer.segment import Segment
from tests.agent.buffer.blocks import make_block, make_reading, opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROWS = 10


@dataclass(frozen=True, slots=True)
class Log:
    """A segment as a crash leaves it, with everything in its log. `ends`: its length after each committed batch."""

    path: Path
    data: bytes
    ends: tuple[int, ...]
    first: int  # what its rows count from
    after: int  # the last batch of the segment before

    def committed(self, at: int) -> int:
        """Return how many batches end within the first `at` bytes."""
        return sum(end <= at for end in self.ends)


@dataclass(frozen=True, slots=True)
class State:
    """One damaged log: how, at which byte, and how many whole batches come before the damage."""

    kind: str
    at: int
    data: bytes = field(repr=False)
    batches: int


def crashed_logs(directory: Path, batches: int) -> tuple[Log, Log]:
    """Write batches to a segment and as many to the next, and copy each as it lies while it is open."""
    logs = []
    with opened(directory / "running", BufferConfig(daily_segment_mib=0)) as buffer:
        for day in range(2):
            ends, first, time_ns = [], day * 5_000, (20_000 + day) * 86_400 * 10**9
            for number in range(batches):
                block = make_block(ROWS, first=first + ROWS * number, time_ns=time_ns)
                buffer.append([block], [make_reading(time_ns=time_ns)])
                buffer.commit()
                ends.append(_newest_log(directory / "running").stat().st_size)
            shutil.copytree(directory / "running", directory / f"left{day}")
            wal = _newest_log(directory / f"left{day}")
            logs.append(Log(wal.with_suffix(""), wal.read_bytes(), tuple(ends), first, day * batches))
    return logs[0], logs[1]


def _newest_log(directory: Path) -> Path:
    return max(directory.rglob("0*.wal"))


def states(log: Log, other: Log, each: int) -> Iterator[State]:
    """Damage a log in every way, in `each` places spread over all its bytes, or in all of them."""
    data, whole = log.data, len(log.ends)
    chance = random.Random(6)
    for at in places(len(data), each):
        before = log.committed(at)
        yield State("cut", at, data[:at], before)
        yield State("zeros", at, data[:at] + bytes(len(data) - at), before)
        yield State("bit", at, data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :], before)
        yield State("rubbish", at, data[:at] + chance.randbytes(len(data) - at), before)
        yield State("rubbish after", at, data + chance.randbytes(at + 1), whole)
        yield State("zeros after", at, data + bytes(at + 1), whole)
        yield State("repeated", at, data + data[at:], whole)
        yield State("of another from", at, data[:at] + other.data[at:], before)
    for at in range(len(log.ends)):
        yield State("repeated batches", at, data + data[log.ends[at - 1] if at else 0 :], whole)
    yield State("of another", 0, other.data, 0)


def places(size: int, count: int) -> Sequence[int]:
    """Return up to `count` different bytes of so many, evenly."""
    return sorted({size * number // count for number in range(count)})


def look_at(some: Sequence[State], log: Log) -> list[str]:
    """Open each of them, and return what is wrong."""
    with TemporaryDirectory() as folder:
        engine, repairer = Engine(Path(folder), BufferConfig()), Repairer(Path(folder), 1 << 30)
        wrong = [f"{state}: {line}" for state in some if (line := _wrong(state, log, repairer, engine))]
        engine.close()
        repairer.rest()
        return wrong


def _wrong(state: State, log: Log, repairer: Repairer, engine: Engine) -> str:
    copy = repairer.directory / log.path.name
    shutil.copy(log.path, copy)
    copy.with_name(copy.name + ".wal").write_bytes(state.data)
    repairer.notes.clear()
    segment = Segment(2, "20261118", copy)
    if not guarded(engine, copy, repairer, segment.alias, partial(segment.load, engine), log.after):
        return f"refused: {repairer.notes}"
    ids = [row[0] for row in engine.run(f"SELECT id FROM {segment.alias}.batches ORDER BY id")]
    sql = "SELECT count(*), count(DISTINCT brightness), max(brightness) + 1 FROM {}.rows_{}"
    rows = [engine.run(sql.format(segment.alias, number))[0] for number in segment.schemas]
    engine.run(f"DETACH {segment.alias}")
    mended = state.kind == "bit" and any("nothing was lost" in note for note in repairer.notes)
    batches = len(log.ends) if mended else state.batches
    count = ROWS * batches
    if ids != list(range(log.after + 1, log.after + batches + 1)) or rows != (
        [(count, count, log.first + count)] if count else []
    ):
        return f"batches {ids}, rows {rows}"
    # A log that ends early is what a hard stop leaves; what was acknowledged beyond is known from elsewhere.
    lost = state.batches < len(log.ends) and state.kind != "cut"
    return "" if repairer.notes or not lost else "nothing was said of what was lost"
