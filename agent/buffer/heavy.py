"""How much memory a start needs to take logs in, and what to do where the device has less.

DuckDB keeps what it replays from a log uncompressed in memory until the next checkpoint: 200 MB of log did not open at
all under the usual limit of 48 MiB, and every start left the segment out. A log is that long only where checkpoints
failed for a while, or by configuration; the files are opened with more memory then, and anew once it is folded in.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agent.buffer.config import MIB
from agent.buffer.folders import wal_of

if TYPE_CHECKING:
    from collections.abc import Iterable

SPILL = "replay.tmp"  # below the state directory, where a device has less memory than its logs need
_USUAL_SHARE = 2  # the usual limit opens logs of half its size
_NEEDED = 1.5  # bytes of memory for a byte of log; 1.2 were measured
_MOST_OF_FREE = 0.5


def memory_for(databases: Iterable[Path], usual_mib: int, meminfo: Path = Path("/proc/meminfo")) -> int:
    """Return the MiB that DuckDB needs to open files with their logs, at most half of what is free; `usual_mib` mostly.

    >>> memory_for([], 48)
    48
    """
    logs = sum(wal.stat().st_size for wal in map(wal_of, databases) if wal.exists())
    if logs * _USUAL_SHARE <= usual_mib * MIB:
        return usual_mib
    wanted = usual_mib + int(logs * _NEEDED / MIB)
    return max(usual_mib, min(wanted, int(_free_bytes(meminfo) * _MOST_OF_FREE / MIB)))


def _free_bytes(meminfo: Path) -> int:
    try:
        lines = meminfo.read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return 0
