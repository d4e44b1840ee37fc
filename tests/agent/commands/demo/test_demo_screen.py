from __future__ import annotations

import os
import pty
import re
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from agent.commands.demo import place as demo_place
from tests.agent.commands.demo.test_demo_run import processes_of
from tests.waiting import wait_until

SCREEN = "\x1b[?1049h"  # what a terminal is told before a program takes all of it
BACK = "\x1b[?1049l"
SCRIPT = """\
import sys; from tests.agent.commands.demo.test_demo_run import *
from agent.commands.demo.view import DashboardView
place = demo_place.claim(sys.argv[1]); print("run", place.run, flush=True)
stage = Stage(place, programs(), seconds=float(sys.argv[2]), view=DashboardView)
stage.play()
result = stage.record.result(rss_bytes=None, cpu_percent=None)
print(*demo_words.summary(stage.demo, result), sep="\\n"); place.leave()
"""


def start(tmp_path: Path, seconds: float) -> tuple[int, int]:
    """Play a demo on a terminal; return its process and what reads from the terminal."""
    repository = str(Path(__file__).parents[4])
    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover  # another process
        os.chdir(repository)
        os.environ["TERM"] = "xterm-256color"
        os.execv(sys.executable, [sys.executable, "-c", SCRIPT, str(tmp_path / "state"), str(seconds)])
    return child, terminal


def watch(tmp_path: Path, seconds: float, *, press: bytes = b"", when: str = "") -> tuple[int, str]:
    """Play a demo on a terminal, press a key once something has been shown; return exit code and output."""
    child, terminal = start(tmp_path, seconds)
    shown = ""
    while True:
        try:
            shown += os.read(terminal, 65_536).decode(errors="replace")
        except OSError:  # the other side has closed it
            break
        if press and when in shown:
            os.write(terminal, press)
            press = b""
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


def after_the_screen(shown: str) -> str:
    """Return what is left on the terminal, words one space apart."""
    return " ".join(shown.rpartition(BACK)[2].split())


def test_on_a_terminal_the_dashboard_opens_and_the_summary_follows(tmp_path: Path) -> None:
    """The dashboard says what is being shown and closes with the demo; the summary stays on the terminal."""
    code, shown = watch(tmp_path, 3.0)
    assert (code, SCREEN in shown) == (0, True)
    assert "demo:" in shown
    assert "meter-reader" in shown
    assert "Driftline noticed" in after_the_screen(shown)


def test_ctrl_c_closes_the_dashboard_and_ends_the_demo(tmp_path: Path) -> None:
    """Whoever knows no other key gets out, with the terminal put right, a summary, and nothing left running."""
    code, shown = watch(tmp_path, 60.0, press=b"\x03", when="meter-reader")
    assert code == 0
    assert "You closed it early" in after_the_screen(shown)
    run = re.search(r"run (\S+)", shown)
    assert run is not None
    assert processes_of(demo_place.Place(tmp_path, Path(run[1]), -1)) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help against orphans is Linux's")
@pytest.mark.parametrize("before", [signal.SIG_DFL, signal.SIG_IGN])
def test_a_terminal_that_goes_away_takes_the_demo_with_it(tmp_path: Path, before: signal.Handlers) -> None:
    """Its window closed or its line dropped, started by nohup or not: nothing is left that would draw on it."""
    own = signal.signal(signal.SIGHUP, before)
    child, terminal, run = drawn(tmp_path)
    signal.signal(signal.SIGHUP, own)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGHUP
    wait_until(lambda: not processes_of(run), "nothing is left running")


def test_signals_while_it_closes_do_not_keep_it_from_closing(tmp_path: Path) -> None:
    """However often it is told to end, the terminal is put right, and no thread is left that reads from it for ever."""
    child, terminal, run = drawn(tmp_path)
    os.write(terminal, b"q")
    shown = ""
    with suppress(OSError):  # the other side has closed it
        while True:
            os.kill(child, signal.SIGTERM)
            shown += os.read(terminal, 65_536).decode(errors="replace")
    os.close(terminal)
    os.waitpid(child, 0)
    assert BACK in shown
    assert processes_of(run) == []


def drawn(tmp_path: Path) -> tuple[int, int, demo_place.Place]:
    """Play a demo until its dashboard shows the stream."""
    child, terminal = start(tmp_path, 60.0)
    shown = ""
    while "meter-reader" not in shown:
        shown += os.read(terminal, 65_536).decode(errors="replace")
    run = re.search(r"run (\S+)", shown)
    assert run is not None
    return child, terminal, demo_place.Place(tmp_path, Path(run[1]), -1)
