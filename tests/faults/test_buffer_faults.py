"""Kill -9 of a process that stores: it starts again and has what it promised."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.buffer.blocks import ask, opened
from tests.faults.buffer_writer import CONFIG, ROWS
from tests.faults.counts import scaled

WRITER = Path(__file__).with_name("buffer_writer.py")


@pytest.mark.faults
def test_kill_minus_nine_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """Whatever moment the process is killed at, every promised batch is there once, whole, and the next start works."""
    seeded = random.Random(20)
    batch, writer = 0, _start_writer(tmp_path)
    for _ in range(scaled(5, 0.25)):
        promised = _write_until_killed(writer, batch, seeded.randint(1, 40))
        writer = _start_writer(tmp_path)  # its imports take longer than what is looked at meanwhile
        with opened(tmp_path, CONFIG) as buffer:
            count, distinct, last = ask(buffer, "SELECT count(*), count(DISTINCT s0), max(s0) FROM inferences")[0]
            assert isinstance(last, float)
            assert (count, distinct) == (last + 1, last + 1)
            assert buffer.positions() == {"a.ring": count}
            assert buffer.repairs == ()
        batch, rest = divmod(int(last) + 1, ROWS)
        assert rest == 0
        assert promised < batch <= promised + 2
    with writer:
        writer.kill()


def _start_writer(directory: Path) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    command = [sys.executable, str(WRITER), str(directory)]
    environment = os.environ | {"PYTHONPATH": str(root)}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=root, env=environment)


def _write_until_killed(writer: subprocess.Popen[str], first: int, batches: int) -> int:
    with writer as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(f"{first}\n")
        child.stdin.flush()
        promised = [int(child.stdout.readline()) for _ in range(batches)]
        child.kill()
        promised += [int(line) for line in child.stdout.read().split()]
    return promised[-1]
