from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from collectors.waiting import MOST_THREADS, Waiting

SECOND = 1_000_000_000
BUSY = [sys.executable, "-c", "while True: pass"]


def threads(tasks: Path, **waited: float) -> None:
    """Make the threads of a process, each with the seconds that it has waited."""
    for path in tasks.glob("*/schedstat"):
        path.unlink()
        path.parent.rmdir()
    for name, seconds in waited.items():
        (tasks / name).mkdir(parents=True)
        (tasks / name / "schedstat").write_text(f"{5 * SECOND} {round(seconds * SECOND)} 77\n")


def test_threads_add_up_and_come_and_go(tmp_path: Path) -> None:
    """What each waited since the last look counts; a new one from its start, one that ended takes nothing off."""
    waiting = Waiting(tmp_path)
    threads(tmp_path, t1=10, t2=20, t3=900)
    assert waiting.since(SECOND) is None
    threads(tmp_path, t1=11, t2=20.5)
    assert waiting.since(6 * SECOND) == 1.5 / 5
    threads(tmp_path, t1=11, t2=21.5, t4=2)
    assert waiting.since(16 * SECOND) == 3 / 10


def test_where_nothing_is_counted_nothing_is_said(tmp_path: Path) -> None:
    """A kernel without the counts shows zeros or no file; too many threads are not read; none is taken for no wait."""
    waiting = Waiting(tmp_path / "none")
    assert (waiting.since(1), waiting.since(2)) == (None, None)
    zeros = Waiting(tmp_path)
    for name, text in (("t1", "0 0 0\n"), ("t2", ""), ("t3", "1 2\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "schedstat").write_text(text)
    assert (zeros.since(1), zeros.since(2)) == (None, None)
    many = Waiting(tmp_path)
    threads(tmp_path, **{f"t{at}": 1.0 for at in range(MOST_THREADS + 1)})
    assert (many.since(1), many.since(2)) == (None, None)


def test_a_process_that_shares_a_core_waits_and_one_that_sleeps_does_not() -> None:
    """Of two busy processes on one core, one waits while the other runs; this is the kernel's own count."""
    core = {min(os.sched_getaffinity(0))}
    with subprocess.Popen(BUSY) as one, subprocess.Popen(BUSY) as other:
        try:
            for process in (one, other):
                os.sched_setaffinity(process.pid, core)
            waiting = Waiting(Path(f"/proc/{one.pid}/task"))
            waiting.since(time.monotonic_ns())
            time.sleep(1.0)
            waited = waiting.since(time.monotonic_ns())
        finally:
            one.kill()
            other.kill()
    assert waited is not None
    assert 0.1 < waited <= 1.01
