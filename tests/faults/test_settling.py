"""A delivery that is cut off while it is written down: all of it is known afterwards, or nothing."""

from __future__ import annotations

import functools
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.buffer.outgoing.cursor import Cursor
from agent.buffer.outgoing.places import KIND
from tests.agent.buffer.blocks import opened
from tests.faults import settling_writer
from tests.faults.counts import scaled, spread
from tests.faults.disk_model import Disk
from tests.faults.journals import ROOT
from tests.faults.settling_writer import MINUTES
from tests.faults.shim import environment, make_rules, read_journal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.shim import Operation

SLOTS = 12


def settled(state: Path) -> int | str:
    """Start on what is left, and count the slots that are settled; or say what does not go together."""
    with opened(state) as buffer:
        store = buffer.outbox.stored
        stored = store.place(KIND, "hq")
        if stored is None:
            return f"no place; repaired: {buffer.repairs}"
        cursor = Cursor.decode(stored)
        numbers = cursor.low + sum(last - first + 1 for first, last in cursor.beyond)
        lines, letters = store.egress(0, 100), store.letters("hq")
        if not numbers == MINUTES * len(lines) == MINUTES * len(letters):
            return f"{numbers} numbers, {len(lines)} lines, {len(letters)} letters"
        if [line.bytes for line in lines] != list(range(len(lines), 0, -1)):
            return f"{lines}"
        return len(lines)


def check(cuts: Sequence[int], *, root: Path, operations: Sequence[Operation]) -> list[str]:
    """Start on what is left by a kill, and by a power cut, at each moment; return what is wrong."""
    wrong, disk, done = [], Disk(root, names="posix"), 0
    for cut in sorted(cuts):
        for operation in operations[done:cut]:
            disk.do(operation)
        done = cut
        for left in ("everything", "some", "nothing"):
            with tempfile.TemporaryDirectory() as folder:
                disk.cut(Path(folder), random.Random(cut) if left == "some" else None, everything=left == "everything")
                promised, found = disk.promised(root / "acks")[0], settled(Path(folder) / "state")
            if found not in {promised, promised + 1}:
                wrong.append(f"{left} of what was done before operation {cut}: promised {promised}, found {found}")
    return wrong


@pytest.mark.faults
def test_a_delivery_is_kept_as_a_whole_whenever_it_is_cut_off(tmp_path: Path) -> None:
    """Killed, or without power, before any operation: place, letters and ledger are all of one delivery."""
    root = tmp_path / "root"
    root.mkdir()
    rules_path = tmp_path / "rules"
    make_rules(rules_path)
    command = [sys.executable, settling_writer.__file__, str(root / "state"), str(root / "acks"), str(SLOTS)]
    around = environment(root, rules=rules_path, journal=tmp_path / "journal") | {"PYTHONPATH": str(ROOT)}
    subprocess.run(command, env=around, cwd=ROOT, check=True, timeout=120)
    operations = list(read_journal(tmp_path / "journal"))
    disk, first = Disk(root, names="posix"), 0
    while not disk.promised(root / "acks")[0]:
        disk.do(operations[first])
        first += 1
    moments = range(first, len(operations) + 1)
    assert len(moments) > 2 * SLOTS  # a write and a sync each, at the least
    cuts = random.Random(5).sample(moments, min(len(moments), scaled(12, 0.5)))
    run = functools.partial(check, root=root, operations=operations)
    assert [line for part in spread(run, cuts) for line in part] == []
