"""What a report's process does to itself before it loads anything: the device comes first, and nothing leaves it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import psutil

MIB = 1 << 20
LOWEST_PRIORITY = 19
FIRST_FOR_THE_OOM_KILLER = "1000"
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
_REACHING_OUT = frozenset(
    {
        *("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"),
        *("socket.getaddrinfo", "socket.getnameinfo", "socket.gethostbyname", "socket.gethostbyaddr"),
    }
)
_LOCAL = frozenset({0, int(socket.AF_UNIX)})


def yield_to_others(memory_limit_mib: int) -> None:
    """Take the lowest priority for CPU and disk, a memory limit, and the first place when memory runs out."""
    os.nice(LOWEST_PRIORITY)
    if sys.platform == "linux":
        with contextlib.suppress(psutil.Error, OSError):  # a kernel without I/O priorities has nothing to yield
            psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)
        with contextlib.suppress(OSError):  # no /proc in this container: the limit below still holds
            Path("/proc/self/oom_score_adj").write_text(FIRST_FOR_THE_OOM_KILLER, encoding="ascii")
        # Data and not address space: libraries map much that they never touch.
        resource.setrlimit(resource.RLIMIT_DATA, (memory_limit_mib * MIB,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def end_with(parent: int) -> None:
    """Have the kernel end this process when its parent ends, however that happens (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the command that asked for this report has ended")


def seal_network() -> list[str]:
    """Refuse every internet socket for as long as the process lives; returns what was refused, as it comes.

    An audit hook cannot be taken away again, so what a library tries later is refused as well. Evidently's own
    telemetry is switched off besides (`DO_NOT_TRACK`); this is for what it does not know of.
    """
    refused: list[str] = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _REACHING_OUT or (event == "socket.__new__" and arguments[1] not in _LOCAL):
            refused.append(event)
            raise PermissionError(f"{event}: a report is written without a network")

    sys.addaudithook(hook)
    return refused
