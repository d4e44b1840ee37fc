"""Kill -9 at every single operation of checkpoints, commits and new files, from a journal of them.

A kill takes nothing away of what was written before: what is left is all operations up to one, and of that one a part.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from agent.buffer import BufferConfig
from tests.faults.counts import KILLS, spread
from tests.faults.disk_model import Disk
from tests.faults.journal_writer import MANNERS
from tests.faults.journals import record, start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.shim import Operation

ROUNDS = 12
ROWS, FOLDING, _ = MANNERS["folding"]
LOGGING = BufferConfig(segment_mib=16, limit_mib=64)  # nothing is folded in for long
EIGHTHS = (1, 4, 7)


class Kill(NamedTuple):
    """All operations before one, and so many eighths of what that one writes."""

    operation: int
    eighths: int


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Operation]]:
    """What a buffer does that folds the log of one segment in, over and over, and fills row groups besides."""
    root, operations = record(tmp_path_factory.mktemp("recorded"), ROUNDS, manner="folding")
    return root, [o for o in operations if o.kind != "S"]  # a sync changes nothing for a kill


@pytest.mark.faults
def test_a_kill_at_any_operation_leaves_everything_and_nothing_to_repair(
    recorded: tuple[Path, list[Operation]],
) -> None:
    """Killed there, started, killed again before the next checkpoint, started, and again after one: all is there."""
    root, operations = recorded
    folds = [at for at, operation in enumerate(operations) if operation.kind == "U"]
    assert len(folds) > 4
    # In `make test` those of one checkpoint, whose second block is rewritten in its place; with `make faults` of all.
    first, last = (0, len(operations)) if KILLS else (folds[2] - 6, folds[2] + 1)
    kills = [Kill(at, 0) for at in range(first, last)] if KILLS else []
    torn = [at for at in range(first, last) if len(operations[at].data) > 1]
    kills += [Kill(at, eighths) for at in torn for eighths in (EIGHTHS if KILLS else (4,))]
    check = functools.partial(_check, root=root, operations=operations)
    assert [line for part in spread(check, sorted(kills)) for line in part] == []


def _check(kills: Sequence[Kill], *, root: Path, operations: Sequence[Operation]) -> list[str]:
    disk, done, wrong = Disk(root, names="ordered"), 0, []
    for kill in kills:
        for operation in operations[done : kill.operation]:
            disk.do(operation)
        done = kill.operation
        if kill.eighths:  # what the whole of it later writes over
            operation = operations[done]
            disk.do(replace(operation, data=operation.data[: len(operation.data) * kill.eighths // 8]))
        with tempfile.TemporaryDirectory() as folder:
            disk.cut(Path(folder), None, everything=True)
            wrong += [f"{kill}: {line}" for line in _look(Path(folder) / "state", *disk.promised(root / "acks"))]
    return wrong


def _look(state: Path, batches: int, findings: int, place: int) -> list[str]:
    wrong = []
    for again, config in enumerate((LOGGING, FOLDING, FOLDING, LOGGING)):
        found = start(state, config, ROWS, unharmed=True)
        if isinstance(found, str) or found[0] < batches or found[1] < findings or found[2] < place:
            return [f"start {again}: promised {batches} batches, {findings} findings, place {place}; found {found}"]
        batches = found[0] + 1
    if (state / "quarantine").exists():
        wrong.append(f"set aside: {sorted(path.name for path in (state / 'quarantine').iterdir())}")
    shutil.rmtree(state)
    return wrong
