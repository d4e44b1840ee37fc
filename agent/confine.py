"""What a short-lived process does to itself before it works: the device comes first, and nothing leaves it.

Reports and queries run in such processes. What the kernel cannot do (an old one, a container) is left out, and said by
the return value where somebody may have to know.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable

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

# landlock(7): one number for each system call on every architecture of Linux, and the bits of what is handled.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _BENEATH = 1, 1  # LANDLOCK_CREATE_RULESET_VERSION, LANDLOCK_RULE_PATH_BENEATH
_NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS
_READ = 1 << 2 | 1 << 3  # files and directories
_HANDLED = {1: (1 << 13) - 1, 2: (1 << 14) - 1}  # and from version 3 on also truncating, the bit after
_NET_SINCE, _NET = 4, 0b11  # bind and connect of TCP


def own_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of ours; it sees as little of its surroundings as this process."""
    return [sys.executable, "-I" if sys.flags.isolated else "-P", "-m", module, *arguments]


def yield_to_others(memory_limit_mib: int, priority: int = LOWEST_PRIORITY, pid: int = 0) -> None:
    """Take a low priority for CPU and disk, a memory limit, and the first place when memory runs out.

    `pid` is a process that was started, or 0 for this one. Raises OSError where that process has ended.
    """
    os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, pid) + priority)
    if sys.platform == "linux":
        with contextlib.suppress(psutil.Error, OSError):  # a kernel without I/O priorities has nothing to yield
            psutil.Process(pid or None).ionice(psutil.IOPRIO_CLASS_IDLE)
        with contextlib.suppress(OSError):  # no /proc in this container: the limit below still holds
            Path(f"/proc/{pid or 'self'}/oom_score_adj").write_text(FIRST_FOR_THE_OOM_KILLER, encoding="ascii")
        # Data and not address space: libraries map much that they never touch.
        resource.prlimit(pid, resource.RLIMIT_DATA, (memory_limit_mib * MIB,) * 2)
    if not pid:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def end_with(parent: int) -> None:
    """Have the kernel end this process when its parent ends, however that happens (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("who asked for this has ended")


def seal_network() -> list[str]:
    """Refuse every internet socket for as long as the process lives; returns what was refused, as it comes.

    An audit hook cannot be taken away again, so what a library tries later is refused as well. Evidently's own
    telemetry is switched off besides (`DO_NOT_TRACK`); this is for what it does not know of.
    """
    refused: list[str] = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _REACHING_OUT or (event == "socket.__new__" and arguments[1] not in _LOCAL):
            refused.append(event)
            raise PermissionError(f"{event}: this process works without a network")

    sys.addaudithook(hook)
    return refused


def see_only(folders: Iterable[Path]) -> bool:
    """Have the kernel refuse to write any file, and to read one outside `folders`, from now on (Linux 5.13, Landlock).

    Whatever is already open stays open. Returns whether the kernel does it. Raises OSError where a folder cannot be
    opened.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    if version < 1:
        return False
    wanted = [_HANDLED.get(version, (1 << 15) - 1), *([_NET] if version >= _NET_SINCE else [])]
    attributes = struct.pack(f"{len(wanted)}Q", *wanted)
    rules = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if rules < 0:
        return False
    try:
        for folder in folders:
            descriptor = os.open(folder, os.O_PATH | os.O_CLOEXEC)
            try:
                rule = struct.pack("=Qi", _READ, descriptor)
                if libc.syscall(_ADD_RULE, rules, _BENEATH, rule, 0):
                    return False
            finally:
                os.close(descriptor)
        return not libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) and not libc.syscall(_RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)
