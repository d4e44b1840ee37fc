"""Runs the process that writes a report: follows what it says, bounds its time, and ends it whatever happens here."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
from typing import TYPE_CHECKING

from agent.confine import own_command
from exporters.report.job import ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from agent.clock import Clock

POLL_S = 0.2
TAIL_BYTES, TAIL_LINES = 4_096, 3


class ReportError(Exception):
    """No report was written; the message says why, for a person."""


def child_command(folder: Path) -> list[str]:
    """Return the command that writes the report of the job in `folder`."""
    return own_command("exporters.report.child", str(folder), str(os.getpid()))


def run_child(
    folder: Path, command: Sequence[str], time_limit_s: float, clock: Clock, tell: Callable[[str], None]
) -> None:
    """Run `command` until it has written its report into `folder`.

    Parameters
    ----------
    folder
        The job's; the process finds its home, its temporary files and its stderr there, and leaves nothing elsewhere.
    command
        As `child_command` gives it.
    time_limit_s
        After which it is ended.
    clock
        Time.
    tell
        Called with each stage that begins, and several times a second with "" while one lasts.

    Raises
    ------
    ReportError
        Where it fails, or takes too long. Any other exception, KeyboardInterrupt included, ends the process too.

    """
    began = clock.monotonic_ns()
    with (folder / ERRORS).open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603  # our own module, or a test's
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=_environment(folder),
            cwd=folder, start_new_session=True,
        )  # fmt: skip
    heard = _Heard(tell)
    try:
        while heard.listen(process):
            if clock.monotonic_ns() - began > time_limit_s * 1e9:
                raise ReportError(f"the report took longer than {time_limit_s:g} s ([report] time_limit_seconds)")
        code = process.wait()
    finally:
        _end(process)
    if heard.error:
        raise ReportError(heard.error)
    if code or not heard.finished:
        raise ReportError(f"the report's process {_ending(code)}{_tail(folder)}")


class _Heard:
    """What the process has said so far."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.error = ""
        self.finished = False
        self._tell = tell
        self._rest = b""

    def listen(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait a moment for news, and take it in; False when there will be none."""
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(POLL_S):
                self._tell("")
                return True
        some = os.read(process.stdout.fileno(), 65_536)
        *lines, self._rest = (self._rest + some).split(b"\n")
        for line in lines:
            said = json.loads(line)
            if "stage" in said:
                self._tell(str(said["stage"]))
            self.error = str(said.get("error", self.error))
            self.finished = self.finished or "refused" in said
        return bool(some)


def _environment(folder: Path) -> dict[str, str]:
    home = str(folder)
    return os.environ | {
        "DO_NOT_TRACK": "1",
        "HOME": home,
        "TMPDIR": home,
        "MPLCONFIGDIR": home,
        "XDG_CONFIG_HOME": home,
        "XDG_CACHE_HOME": home,
        # One thread, one arena, and no gigabyte that a memory pool only reserves: the device is not ours.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and whatever it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def _ending(code: int) -> str:
    if code == -signal.SIGKILL:
        return "was killed: most likely the device ran out of memory"
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def _tail(folder: Path) -> str:
    lines = (folder / ERRORS).read_bytes()[-TAIL_BYTES:].decode(errors="replace").strip().splitlines()
    return ": " + " | ".join(lines[-TAIL_LINES:]) if lines else ""
