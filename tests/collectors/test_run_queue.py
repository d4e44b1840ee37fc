from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from collectors.run_queue import RunQueue
from tests.waiting import wait_until

MOST = 8  # threads
BUSY, ASLEEP = "while True: pass", "input()"


def show(tasks: Path, **threads: tuple[float, float]) -> None:
    """Make the threads of a process, each with the seconds that it ran and waited."""
    for path in tasks.glob("*/schedstat"):
        path.unlink()
        path.parent.rmdir()
    for name, (ran, waited) in threads.items():
        (tasks / name).mkdir(parents=True)
        (tasks / name / "schedstat").write_text(f"{ran * 1e9:.0f} {waited * 1e9:.0f} 77\n")


def test_the_thread_that_waited_most_for_what_it_ran_tells(tmp_path: Path) -> None:
    """Others that were never held up do not hide it; a new one counts from its start."""
    queue = RunQueue(tmp_path)
    show(tmp_path, t1=(10, 10), t2=(20, 900))
    assert queue.slowdown(30, MOST) == (None, 2)
    show(tmp_path, t1=(10.5, 12), t2=(24, 901))
    assert queue.slowdown(34.5, MOST) == (5.0, 2)
    show(tmp_path, t1=(11, 12), t2=(25, 901), t3=(0.5, 0.5))
    assert queue.slowdown(36.5, MOST) == (2.0, 3)
    show(tmp_path, t1=(12, 12), t2=(25, 901), t3=(0.505, 0.9))
    assert queue.slowdown(37.5, MOST) == (1.0, 3)  # five milliseconds say nothing
    show(tmp_path, t1=(12, 12), t2=(25, 901), t3=(0.505, 0.9))
    assert queue.slowdown(37.5, MOST) == (None, 3)


def test_where_the_threads_that_ran_have_ended_nothing_is_said(tmp_path: Path) -> None:
    """A service with a thread for each request: what is left has hardly run, and never waited."""
    queue = RunQueue(tmp_path)
    show(tmp_path, t1=(10, 10))
    queue.slowdown(10, MOST)
    show(tmp_path, t1=(10.2, 10))
    assert queue.slowdown(11, MOST) == (None, 1)
    show(tmp_path, t1=(10.4, 10))
    assert queue.slowdown(11.2, MOST) == (1.0, 1)


def test_where_nothing_is_counted_nothing_is_said(tmp_path: Path) -> None:
    """A kernel without the counts shows zeros or no file; too many threads are not read; none is taken for no wait."""
    queue = RunQueue(tmp_path / "none")
    assert [queue.slowdown(now, MOST) for now in (1, 2)] == [(None, 0)] * 2
    zeros = RunQueue(tmp_path)
    for name, text in (("t1", "0 0 0\n"), ("t2", ""), ("t3", "1 2\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "schedstat").write_text(text)
    assert [zeros.slowdown(now, MOST) for now in (1, 2)] == [(None, 0)] * 2
    many = RunQueue(tmp_path)
    show(tmp_path, **{f"t{at}": (1.0, 1.0) for at in range(MOST + 1)})
    assert [many.slowdown(now, MOST) for now in (1, 2)] == [(None, 0)] * 2
    assert many.slowdown(3, MOST + 1) == (None, MOST + 1)


def test_a_thread_that_could_not_be_read_once_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    """All that it ever waited would count; nothing is said for two looks instead."""
    queue = RunQueue(tmp_path)
    show(tmp_path, t1=(10, 10), t2=(20, 900))
    queue.slowdown(30, MOST)
    unread = tmp_path / "t2" / "schedstat"
    unread.unlink()
    unread.mkdir()  # reading it fails, and not because it is gone
    assert queue.slowdown(31, MOST) == (None, 0)
    unread.rmdir()
    unread.parent.rmdir()
    show(tmp_path, t1=(11, 10), t2=(21, 900))
    assert queue.slowdown(32, MOST) == (None, 2)
    show(tmp_path, t1=(12, 11), t2=(21, 900))
    assert queue.slowdown(33, MOST) == (2.0, 2)


def test_a_process_that_shares_a_core_is_held_up_by_the_kernels_own_count() -> None:
    """Of two busy processes on one core one waits while the other runs; of one that sleeps nothing is said."""
    if not Path("/proc/self/schedstat").exists():
        pytest.skip("this kernel does not count what threads wait")
    core = {min(os.sched_getaffinity(0))}
    started = [subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) for code in (BUSY, BUSY, ASLEEP)]
    try:
        for process in started:
            os.sched_setaffinity(process.pid, core)
        queues = [RunQueue(Path(f"/proc/{process.pid}/task")) for process in started]

        def spent(at: int) -> float:
            times = psutil.Process(started[at].pid).cpu_times()
            return times.user + times.system

        wait_until(
            lambda: psutil.Process(started[2].pid).status() == "sleeping" and spent(0) > 0, "all to have started"
        )
        before = [spent(at) for at in range(3)]
        for queue, cpu_s in zip(queues, before, strict=True):
            queue.slowdown(cpu_s, MOST)
        wait_until(lambda: spent(0) > before[0] + 0.4 and spent(1) > before[1] + 0.4, "both to run for a while")
        found = [queue.slowdown(spent(at), MOST)[0] for at, queue in enumerate(queues)]
    finally:
        for process in started:
            process.kill()
            process.communicate()
    assert found[2] is None
    assert min(found[0] or 0, found[1] or 0) > 1.3
