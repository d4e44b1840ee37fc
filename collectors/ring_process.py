"""Whether the process that writes a ring still lives."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from collectors.ring_header import RingHeader  # noqa: TC001  # named in a public signature

Life = Literal["alive", "dead", "unknown"]

_START_TICKS = 22 - 3  # field 22 of /proc/PID/stat, counted from the state that follows the name in brackets


class Processes:
    """Answers from /proc.

    A pid means something in its own namespace and boot only: from elsewhere the answer is `unknown`, and `dead` for a
    boot that is over.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._proc = root / "proc"
        self._boot_id = self._read_boot_id()
        self._namespace = self._read_namespace()

    def life(self, header: RingHeader) -> Life:
        """Say whether the writer of a ring lives."""
        if self.is_other_boot(header):
            return "dead"
        if not self.is_ours(header):
            return "unknown"
        try:
            line = (self._proc / str(header.pid) / "stat").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return "dead"
        except OSError:
            return "unknown"
        fields = line[line.rfind(b")") + 2 :].split()
        if len(fields) <= _START_TICKS or fields[0] in {b"Z", b"X"}:
            return "dead"
        return "alive" if int(fields[_START_TICKS]) == header.start_ticks else "dead"

    def is_ours(self, header: RingHeader) -> bool:
        """Tell whether its pid means the same to us: in another container it is another process's, or nobody's."""
        return bool(header.pid_namespace) and header.pid_namespace == self._namespace

    def is_other_boot(self, header: RingHeader) -> bool:
        """Tell whether the ring is from before the machine last started: its monotonic times mean nothing now."""
        return any(header.boot_id) and self._boot_id is not None and header.boot_id != self._boot_id

    def _read_boot_id(self) -> bytes | None:
        try:
            return bytes.fromhex((self._proc / "sys/kernel/random/boot_id").read_text().strip().replace("-", ""))
        except (OSError, ValueError):
            return None

    def _read_namespace(self) -> int:
        try:
            return (self._proc / "self/ns/pid").stat().st_ino
        except OSError:
            return 0
