"""Logs damaged in every way at every byte, and what a start makes of each: many states a process, in memory."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING

from agent.buffer import BufferConfig
from agent.buffer.engine import Engine
from agent.buffer.log_order import COMMITTED
from agent.buffer.quarantine import FOLDER
from agent.buffer.repair import Repairer
from agent.buffer.wal import FRAME, skim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    # Opens a file with its log, and says how many of the transactions in that are there, or what is wrong.
    Opens = Callable[[Engine, Path, Repairer], int | str]

SHM = Path("/dev/shm")  # memory
KINDS = 9  # of damage, at each byte
SECTOR = 512


@dataclass(frozen=True, slots=True)
class Log:
    """A file as a crash leaves it. `ends`: the length of its log after each acknowledged transaction in it."""

    path: Path
    data: bytes
    ends: tuple[int, ...]
    opens: Opens

    def committed(self, at: int) -> int:
        """Return how many transactions end within the first `at` bytes."""
        return sum(end <= at for end in self.ends)


@dataclass(frozen=True, slots=True)
class State:
    """One damaged log: how, at which byte, and how many whole transactions come before the damage."""

    kind: str
    at: int
    data: bytes = field(repr=False)
    before: int


def states(log: Log, other: bytes, places: Iterable[int]) -> Iterator[State]:
    """Damage a log in every way at some of its bytes, and repeat it; `other` is a log of before on the same card."""
    own = {at for at, entry in _entries(log.data) if entry != COMMITTED}
    meetings = own & {at for at, entry in _entries(other) if entry == COMMITTED}
    for kind, at, data in _damaged(log, other, places):
        # Where what was put there happens to be what was there, the damage begins after it.
        begins = _alike(log.data, data)
        # Where an entry begins, and in its place the end of a transaction of before, nothing is wrong with the log.
        if kind != "of another from" or meetings.isdisjoint(range(at, begins + 1)):
            yield State(kind, at, data, log.committed(begins))


def _entries(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield where the entries of a sound log begin, and what they hold."""
    with TemporaryFile(buffering=0) as file:
        file.write(data)
        yield from ((begin, data[begin + FRAME.size : end]) for begin, end, _ in list(skim(file))[1:])


def _damaged(log: Log, other: bytes, places: Iterable[int]) -> Iterator[tuple[str, int, bytes]]:
    data = log.data
    chance = random.Random(6)
    for at in places:
        yield "cut", at, data[:at]
        yield "zeros", at, data[:at] + bytes(len(data) - at)
        yield "hole", at, data[:at] + bytes(len(data[at : at + SECTOR])) + data[at + SECTOR :]
        yield "bit", at, data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
        yield "rubbish", at, data[:at] + chance.randbytes(len(data) - at)
        yield "rubbish after", at, data + chance.randbytes(at + 1)
        yield "zeros after", at, data + bytes(at + 1)
        yield "repeated", at, data + data[at:]
        if at < len(other):
            yield "of another from", at, data[:at] + other[at:] + data[len(other) :]
    for at in range(len(log.ends)):
        yield "repeated transactions", at, data + data[log.ends[at - 1] if at else 0 :]
    yield "of another", 0, other


def _alike(one: bytes, other: bytes) -> int:
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _is_small(one: bytes, other: bytes) -> bool:
    """Whether they differ in no more than the frame of an entry: an older log can end within that."""
    differing = [at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b]
    return len(one) == len(other) and differing[-1] - differing[0] < FRAME.size if differing else False


def look_at(some: Sequence[State], log: Log) -> list[str]:
    """Open each of them, and return what is wrong."""
    wrong = []
    with TemporaryDirectory(dir=SHM if SHM.is_dir() else None) as folder:
        engine, repairer = Engine(Path(folder), BufferConfig()), Repairer(Path(folder), 1 << 30)
        for state in some:
            if line := _wrong(state, log, repairer, engine):
                wrong.append(f"{state}: {line}")
            shutil.rmtree(Path(folder) / FOLDER, ignore_errors=True)
        engine.close()
        repairer.rest()
    return wrong


def _wrong(state: State, log: Log, repairer: Repairer, engine: Engine) -> str:
    copy = repairer.directory / log.path.name
    shutil.copy(log.path, copy)
    copy.with_name(copy.name + ".wal").write_bytes(state.data)
    repairer.notes.clear()
    found = log.opens(engine, copy, repairer)
    if isinstance(found, str):
        return f"{found}; {repairer.notes}"
    mended = any("nothing was lost" in note for note in repairer.notes) and _is_small(log.data, state.data)
    expected = len(log.ends) if mended else state.before
    if found != expected:
        return f"{found} of {expected} transactions; {repairer.notes}"
    # A log that ends early is what a hard stop leaves; what was acknowledged beyond is known from elsewhere.
    lost = state.before < len(log.ends) and state.kind != "cut"
    return "" if repairer.notes or not lost else "nothing was said of what was lost"
