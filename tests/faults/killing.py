"""Kills agents over and over while they store, and looks at what each of them leaves."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import shutil
import tempfile
import time
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agent.buffer import BufferConfig
from agent.ports import AgentAwayError, AgentRefusedError
from tests.agent.buffer.blocks import ask, opened
from tests.collectors.ring_writer import RingWriter, part, placed
from tests.faults.nursery import NurseryAgent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.buffer import Buffer, Capture

TABLE = placed(part("x", np.zeros((1, 4), np.float32)), part("y", np.zeros((1, 1), np.float32), "output"))
ROWS = 150
LONGEST_GAP = 150  # between samples, one and a half times their mean distance
RAW = "SELECT count(*), count(DISTINCT (number, id)) FROM {db}.labels"
CONFIG = """
[reference]
rows = 500
seconds = 1
[scrape]
enabled = false
[buffer]
capture = "{capture}"
commit_seconds = 0.02
wal_mib = 0.06
segment_mib = 0.75
limit_mib = {limit_mib}
daily_segment_mib = 0.01
reserve_mib = 0.25
[buffer.recorder]
before_seconds = 1
after_seconds = 1
"""
# Where every row is kept the oldest go for want of room, over and over; samples are all to be counted at the end.
LIMIT_MIB: dict[Capture, int] = {"all": 12, "flight-recorder": 1024}


class Promises:
    """What the agent has acknowledged, and the ring of a service that goes on all the while."""

    def __init__(self, run: Path) -> None:
        stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")
        self.ring = RingWriter(
            run / "a.ring", 128, 1 << 17, pid=os.getpid(), start_ticks=int(stat[19]), boot_id=bytes.fromhex(boot),
            namespace=os.stat("/proc/self/ns/pid").st_ino, signatures=[TABLE], identity={"model": "pump"},  # noqa: PTH116
            created_ns=time.monotonic_ns(), created_wall_ns=time.time_ns(),
        )  # fmt: skip
        self._run = run
        self._rubbish = 0
        self.labels: list[int] = []
        self.notes: list[str] = []

    def write(self, rows: int) -> None:
        """Have the service infer."""
        for _ in range(rows):
            call = [np.full((1, 4), self.ring.seq, np.float32), np.full((1, 1), 0.5, np.float32)]
            self.ring.record(*call, end_ns=time.monotonic_ns())

    def ask_for(self, agent: NurseryAgent) -> None:
        """Write rows, tell a label and acknowledge what findings there are, and take note of what was promised."""
        self.write(ROWS)
        (self._run / f"rubbish-{self._rubbish}.ring").unlink(missing_ok=True)
        self._rubbish += 1
        (self._run / f"rubbish-{self._rubbish}.ring").write_bytes(os.urandom(9_000))  # opens a finding
        label = len(self.labels) + 1_000_000
        agent.client.label([(label, float(label), "pump")])
        self.labels.append(label)
        for finding in agent.client.findings():
            if finding.state == "open":
                note = f"note {len(self.notes)}"
                agent.client.acknowledge(finding.id, note)
                self.notes.append(note)


@dataclass(slots=True)
class Tally:
    """What was done, and what was wrong with what was left.

    kills: agents that ended by SIGKILL, each followed by a start on what it left. in_operations: those of them that
    died in the middle of a change to a file; starting: before they answered for the first time. rows, labels, notes:
    what was promised.
    """

    kills: int = 0
    in_operations: int = 0
    starting: int = 0
    rows: int = 0
    labels: int = 0
    notes: int = 0
    wrong: list[str] = field(default_factory=list)

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def __str__(self) -> str:
        return (
            f"{self.kills} times kill -9, {self.in_operations} in the middle of an operation, {self.starting} before "
            f"the agent answered; {self.rows} rows, {self.labels} labels and {self.notes} acknowledgements promised; "
            f"{len(self.wrong)} lost, doubled, partial or refused"
        )


def kill_often(seeds: Sequence[int], capture: Capture) -> Tally:
    """Kill an agent once for each seed."""
    tally = Tally()
    wrong = tally.wrong
    with (
        tempfile.TemporaryDirectory() as folder,
        NurseryAgent(Path(folder), CONFIG.format(capture=capture, limit_mib=LIMIT_MIB[capture])) as agent,
    ):
        promises = Promises(agent.run)
        for seed in seeds:
            chance = random.Random(seed)
            # Some die in the first operations of their start, some while they store, some whenever it is.
            agent.start(chance.choice((chance.randint(1, 30), chance.randint(20, 200), 0)))
            promises.write(ROWS)
            answered = False
            with contextlib.suppress(AgentAwayError, AgentRefusedError, KeyError):  # a finding can end by itself
                if chance.random() >= 0.2 or agent.rules.kill_at:  # the others are killed wherever they are by now
                    answered = agent.ready()
                if answered:
                    _use(agent, promises, chance)
            tally.in_operations += not agent.alive
            tally.starting += not answered
            ended = agent.kill()
            tally.kills += not ended
            wrong += [f"seed {seed}: {line}" for line in [ended, *_look(agent, promises, capture)] if line]
        agent.start()
        if not agent.ready():
            wrong.append(f"the last start was refused: {agent.kill()}")
        promises.ask_for(agent)
        wrong += [agent.end()]
        wrong += _look(agent, promises, capture, everything=True)
        tally.rows, tally.labels, tally.notes = promises.ring.seq, len(promises.labels), len(promises.notes)
    tally.wrong = [line for line in wrong if line]
    return tally


def _use(agent: NurseryAgent, promises: Promises, chance: random.Random) -> None:
    """Go on until it dies, or until it is time."""
    rounds = chance.randint(1, 8) if not agent.rules.kill_at else 40
    for _ in itertools.takewhile(lambda _: agent.alive, range(rounds)):
        promises.ask_for(agent)


def _look(agent: NurseryAgent, promises: Promises, capture: Capture, *, everything: bool = False) -> list[str]:
    """Start on a copy of what was left, and return what is wrong with it."""
    if not agent.state.exists():
        return []
    check = {"all": _check_rows, "flight-recorder": _check_samples}[capture]
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(agent.state, Path(folder) / "copy", ignore=shutil.ignore_patterns("reserve"))
        with opened(Path(folder) / "copy", BufferConfig(reserve_mib=0.0625)) as buffer:
            wrong = [note for note, _ in buffer.repairs]  # nothing that has to be told is left by a kill
            if buffer.status().mode != "disk":
                wrong.append(f"refused: {buffer.status().notes}")
            if buffer.status().rows:
                wrong += check(buffer, promises.ring.seq if everything else 0)
            return wrong + _check_promises(buffer, promises)


def _check_rows(buffer: Buffer, everything: int) -> list[str]:
    """Rows are numbered without a gap, as many as the batches say, and up to where the ring was read."""
    question = "SELECT min(x_0), max(x_0), count(*), count(DISTINCT x_0) FROM inferences"
    first, last, rows, distinct = ask(buffer, question)[0]
    assert isinstance(first, float)
    assert isinstance(last, float)
    wrong = []
    if not rows == distinct == buffer.status().rows == last - first + 1:
        wrong.append(f"{rows} rows from {first} to {last}, {distinct} distinct, {buffer.status().rows} in batches")
    if [seq for source, seq in buffer.positions().items() if source.startswith("a.ring")] != [last + 1]:
        wrong.append(f"the last row is {last}, positions {buffer.positions()}")
    if everything and last != everything - 1:
        wrong.append(f"rows {first} to {last} of {everything}")
    return wrong


def _check_samples(buffer: Buffer, everything: int) -> list[str]:
    """No row is there twice, and together they stand for all that was read of the ring, but for a gap at its end."""
    question = "SELECT count(*), count(DISTINCT x_0), sum(weight) FROM inferences"
    rows, distinct, weight = ask(buffer, question)[0]
    assert isinstance(weight, float)
    (read,) = [seq for source, seq in buffer.positions().items() if source.startswith("a.ring")]
    wrong = []
    if not rows == distinct == buffer.status().rows:
        wrong.append(f"{rows} rows, {distinct} distinct, {buffer.status().rows} in batches")
    if not 0 <= read - weight < (1 if everything else LONGEST_GAP):
        wrong.append(f"{rows} rows stand for {weight} inferences, {read} were read")
    if everything and read != everything:
        wrong.append(f"{read} of {everything} were read")
    return wrong


def _check_promises(buffer: Buffer, promises: Promises) -> list[str]:
    """Labels and acknowledgements are there, each once."""
    wrong = []
    kept = {float(str(row[0])) for row in ask(buffer, "SELECT value FROM labels")}
    oldest = min(kept, default=0)  # those before went with the oldest segment, for want of room
    if lost := {label for label in promises.labels if label > oldest} - kept:
        wrong.append(f"labels lost: {sorted(lost)}")
    if gone := set(promises.notes) - {row[0] for row in ask(buffer, "SELECT note FROM finding_history")}:
        wrong.append(f"acknowledgements lost: {sorted(gone)}")
    engine = buffer._files.ready()
    assert engine is not None
    raw = [engine.run(RAW.format(db=segment.alias))[0] for segment in buffer._files.segments.opened]
    if any(count != distinct for count, distinct in raw):
        wrong.append(f"labels doubled: {raw}")
    written, distinct = ask(buffer, "SELECT count(*), count(DISTINCT seq) FROM finding_history")[0]
    if written != distinct:
        wrong.append(f"{written} findings, {distinct} distinct")
    return wrong
