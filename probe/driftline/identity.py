"""Who writes a ring: the process, and the model file behind it. Linux's /proc where it is there, else zeros.

Nothing here is on the path of a call: a digest is taken once, when a model is put under watch.
"""

from __future__ import annotations

import hashlib
import os
from typing import NamedTuple

WHOLE_LIMIT = 256 << 20
SAMPLES = 64
BLOCK = 1 << 20
_START = 19  # field 22 of /proc/PID/stat, counted from the one behind the name


class Process(NamedTuple):
    """A process, named so that a reused pid is not taken for it."""

    pid: int
    start_ticks: int
    pid_namespace: int
    boot_id: bytes


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(4096)
    except OSError:
        return b""


def start_ticks(pid: int) -> int:
    """Return when a process started, in clock ticks since boot; 0 where there is no such process or no /proc."""
    # The command's name, the second field, may hold spaces and brackets: count from behind the last bracket.
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return int(fields[_START]) if len(fields) > _START else 0


def this_process() -> Process:
    """Name the calling process. Read anew each time, as fork changes the answer."""
    try:
        namespace = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        namespace = 0
    boot = _read("/proc/sys/kernel/random/boot_id").strip().replace(b"-", b"")
    pid = os.getpid()
    return Process(pid, start_ticks(pid), namespace, bytes.fromhex(boot.decode("ascii")) if boot else bytes(16))


def has_ended(process: Process, here: Process) -> bool:
    """Tell whether a process has certainly ended, seen from `here`; one in another pid namespace is never certain."""
    if process.boot_id != here.boot_id:
        return True
    if process.pid_namespace != here.pid_namespace:
        return False
    return start_ticks(process.pid) != process.start_ticks


def digest_of_bytes(content: bytes) -> str:
    """Return the sha256 of a model that was handed over in memory."""
    return hashlib.sha256(content).hexdigest()


def digest_of_file(path: str) -> tuple[str, str]:
    """Return the sha256 of a model file, and what it was taken over: "file" or "sample".

    Up to 256 MiB it is the sha256 that `sha256sum` prints. Beyond, a start-up must not wait for it: it is the sha256 of
    the size in decimal, then of 64 blocks of 1 MiB that begin at evenly spaced places, the first at the beginning and
    the last at the end of the file.
    """
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= WHOLE_LIMIT:
            for block in iter(lambda: file.read(BLOCK), b""):
                digest.update(block)
            return digest.hexdigest(), "file"
        digest.update(str(size).encode("ascii"))
        for index in range(SAMPLES):
            file.seek((size - BLOCK) * index // (SAMPLES - 1))
            digest.update(file.read(BLOCK))
    return digest.hexdigest(), "sample"
