from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from agent.clock import ManualClock, SystemClock
from exporters.report.process import ReportError, run_child
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

SAY = "import json, sys\ndef say(**what):\n    print(json.dumps(what), flush=True)\n"


def run(folder: Path, code: str, told: list[str] | None = None, *, seconds: float = 20.0) -> None:
    """Run a process that is made of this code."""
    tell = (lambda stage: told.append(stage) if stage else None) if told is not None else lambda _stage: None
    run_child(folder, [sys.executable, "-c", SAY + code], seconds, SystemClock(), tell)


def gone(pid: int) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_stages_are_told_as_they_come(tmp_path: Path) -> None:
    """In order, and the end is no stage."""
    told: list[str] = []
    run(tmp_path, "say(stage='loading'); say(stage='writing'); say(refused=[])", told)
    assert told == ["loading", "writing"]


def test_an_error_is_passed_on_in_its_own_words(tmp_path: Path) -> None:
    """The process's last word is the command's error."""
    with pytest.raises(ReportError, match=r"^no column is there$"):
        run(tmp_path, "say(error='no column is there'); sys.exit(1)")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("sys.stderr.write('first\\nlast line\\n'); sys.exit(3)", "ended with exit code 3: first | last line"),
        ("import os; os.kill(os.getpid(), 9)", "was killed: most likely the device ran out of memory"),
        ("import os; os.kill(os.getpid(), 11)", "was ended by SIGSEGV"),
        ("pass", "ended with exit code 0"),
    ],
)
def test_a_process_that_ends_without_its_last_word_has_failed(tmp_path: Path, code: str, said: str) -> None:
    """A crash is told with what it left on stderr; a success that was not announced is none."""
    with pytest.raises(ReportError) as raised:
        run(tmp_path, code)
    assert str(raised.value) == f"the report's process {said}"


def test_a_process_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """It is gone when the error comes."""
    clock = ManualClock()
    pids: list[int] = []

    def tell(stage: str) -> None:
        if stage:
            pids.append(int(stage))
        clock.advance(30.0)

    code = "import os, time; say(stage=str(os.getpid())); time.sleep(600)"
    with pytest.raises(ReportError, match="longer than 50 s"):
        run_child(tmp_path, [sys.executable, "-c", SAY + code], 50.0, clock, tell)
    assert [gone(pid) for pid in pids] == [True]


def test_an_interrupt_ends_the_process_and_what_it_started(tmp_path: Path) -> None:
    """Ctrl-C while it works leaves nothing running."""
    code = (
        "import os, subprocess, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "say(stage=json.dumps([os.getpid(), child.pid])); time.sleep(600)"
    )
    pids: list[int] = []

    def tell(stage: str) -> None:
        if stage:
            pids.extend(json.loads(stage))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_child(tmp_path, [sys.executable, "-c", SAY + code], 60.0, SystemClock(), tell)
    assert len(pids) == 2
    wait_until(lambda: all(gone(pid) for pid in pids), "both to end")


def test_the_process_is_told_not_to_track_and_where_its_home_is(tmp_path: Path) -> None:
    """Telemetry off, one thread, and every file that a library leaves behind goes with the folder."""
    told: list[str] = []
    names = ("DO_NOT_TRACK", "HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "TMPDIR", "OMP_NUM_THREADS")
    run(tmp_path, f"import os\nfor n in {names}: say(stage=os.environ[n])\nsay(refused=[])", told)
    assert told == ["1", *[str(tmp_path)] * 4, "1"]
