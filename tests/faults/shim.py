"""Puts `shim.c` between a process and its disk: rules that a test changes while it runs, and the journal it leaves."""

from __future__ import annotations

import ctypes
import functools
import mmap
import os
import shutil
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.absent import absent

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).with_name("shim.c")
_HEAD = struct.Struct("<IIQQQ")


class Rules(ctypes.Structure):
    """What the shim does, as `struct control` in `shim.c`; live, and shared with the process."""

    operations: int
    kill_at: int
    sync_error: int
    sync_lies: int
    sync_every: int
    write_error: int
    write_every: int
    syncs: int
    writes: int
    injected: int
    _fields_ = [(name, ctypes.c_uint64) for name in (
        "operations", "kill_at", "sync_error", "sync_lies", "sync_every", "write_error", "write_every",
        "syncs", "writes", "injected",
    )]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Operation:
    """One change that a process made. `kind` is a letter of `struct record`; `name` is that of a name's change."""

    kind: str
    name: str
    inode: int
    at: int
    data: bytes


@functools.cache
def library() -> Path:
    """Compile the shim. Skips where there is no compiler, and fails in CI."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        absent("there is no C compiler to simulate faults of the disk with (Debian: apt install gcc libc6-dev)")
    target = Path(tempfile.mkdtemp(prefix="driftline-shim-")) / "shim.so"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", target, SOURCE, "-ldl", "-lpthread"], check=True)
    return target


def make_rules(path: Path) -> Rules:
    """Make the file that holds a process's rules, and return them."""
    path.write_bytes(bytes(ctypes.sizeof(Rules)))
    with path.open("r+b") as file:
        return Rules.from_buffer(mmap.mmap(file.fileno(), 0))


def environment(root: Path, *, rules: Path | None = None, journal: Path | None = None) -> dict[str, str]:
    """Return the environment in which a process is watched below `root`."""
    chosen = {"SHIM_ROOT": root, "SHIM_CONTROL": rules, "SHIM_JOURNAL": journal, "LD_PRELOAD": library()}
    return os.environ | {name: str(value) for name, value in chosen.items() if value}


def read_journal(path: Path) -> Iterator[Operation]:
    """Yield what a process did, in order."""
    data = memoryview(path.read_bytes())
    at = 0
    while at < len(data):
        kind, name_bytes, inode, where, data_bytes = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        name = bytes(data[at : at + name_bytes]).decode()
        at += name_bytes
        yield Operation(chr(kind), name, inode, where, bytes(data[at : at + data_bytes]))
        at += data_bytes
