"""A /proc of our own, in which processes live and die as the test says."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from collectors.ring_process import Processes
from tests.collectors.ring_writer import BOOT_ID, START_TICKS

if TYPE_CHECKING:
    from pathlib import Path


class FakeProc:
    """The tree under `root`; `namespace` is the number of its pid namespace."""

    def __init__(self, root: Path, boot_id: bytes = BOOT_ID) -> None:
        self.root = root
        self._proc = root / "proc"
        boot = self._proc / "sys/kernel/random/boot_id"
        boot.parent.mkdir(parents=True)
        boot.write_text(f"{uuid.UUID(bytes=boot_id)}\n")
        namespace = self._proc / "self/ns/pid"
        namespace.parent.mkdir(parents=True)
        namespace.touch()
        self.namespace = namespace.stat().st_ino

    @property
    def processes(self) -> Processes:
        """The reader of this tree."""
        return Processes(self.root)

    def start(self, pid: int, start_ticks: int = START_TICKS, state: str = "S") -> None:
        """Let a process live."""
        fields = [state, *["0"] * 18, str(start_ticks), *["0"] * 30]
        (self._proc / str(pid)).mkdir(exist_ok=True)
        (self._proc / str(pid) / "stat").write_text(f"{pid} (a (very) odd) name) {' '.join(fields)}\n")

    def end(self, pid: int) -> None:
        """Let it end."""
        (self._proc / str(pid) / "stat").unlink()
