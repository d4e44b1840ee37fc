from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from agent.clock import SystemClock
from collectors.waiting import Waiting
from tests.waiting import wait_until

MOST = 8  # threads
SECOND = 1_000_000_000
BUSY, ASLEEP = ("while True: pass", "input()")


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
    assert waiting.since(SECOND, MOST) == (None, 3)
    threads(tmp_path, t1=11, t2=20.5)
    assert waiting.since(6 * SECOND, MOST) == (1.5 / 5, 2)
    threads(tmp_path, t1=11, t2=21.5, t4=2)
    assert waiting.since(16 * SECOND, MOST) == (3 / 10, 3)


def test_where_nothing_is_counted_nothing_is_said(tmp_path: Path) -> None:
    """A kernel without the counts shows zeros or no file; too many threads are not read; none is taken for no wait."""
    waiting = Waiting(tmp_path / "none")
    assert [waiting.since(now, MOST) for now in (1, 2)] == [(None, 0)] * 2
    zeros = Waiting(tmp_path)
    for name, text in (("t1", "0 0 0\n"), ("t2", ""), ("t3", "1 2\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "schedstat").write_text(text)
    assert [zeros.since(now, MOST) for now in (1, 2)] == [(None, 0)] * 2
    many = Waiting(tmp_path)
    threads(tmp_path, **{f"t{at}": 1.0 for at in range(MOST + 1)})
    assert [many.since(now, MOST) for now in (1, 2)] == [(None, 0)] * 2
    assert many.since(3, MOST + 1) == (None, MOST + 1)


def test_a_thread_that_could_not_be_read_once_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    """All that it ever waited would count; nothing is said for two looks instead."""
    waiting = Waiting(tmp_path)
    threads(tmp_path, t1=10, t2=900)
    waiting.since(SECOND, MOST)
    unread = tmp_path / "t2" / "schedstat"
    unread.unlink()
    unread.mkdir()  # reading it fails, and not because it is gone
    assert waiting.since(6 * SECOND, MOST) == (None, 0)
    unread.rmdir()
    unread.parent.rmdir()
    threads(tmp_path, t1=11, t2=901)
    assert waiting.since(11 * SECOND, MOST) == (None, 2)
    threads(tmp_path, t1=12, t2=901)
    assert waiting.since(16 * SECOND, MOST) == (1 / 5, 2)


def test_a_process_that_shares_a_core_waits_and_one_that_sleeps_does_not() -> None:
    """Of two busy processes on one core one waits while the other runs, by the kernel's own count."""
    core = {min(os.sched_getaffinity(0))}
    started = [subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) for code in (BUSY, BUSY, ASLEEP)]
    try:
        for process in started:
            os.sched_setaffinity(process.pid, core)
        clock = SystemClock()
        one, _, sleeper = (Waiting(Path(f"/proc/{process.pid}/task")) for process in started)
        wait_until(lambda: sleeper.since(clock.monotonic_ns(), MOST)[0] == 0, "one to have started, and to sleep")
        wait_until(lambda: (one.since(clock.monotonic_ns(), MOST)[0] or 0) > 0.1, "the other to wait")
    finally:
        for process in started:
            process.kill()
            process.communicate()
