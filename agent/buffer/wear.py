"""What the buffer costs the card: bytes that the agent writes in a day, bytes that come to be kept, and the thinning.

What is written is what the kernel counts for the whole process (`write_bytes` of /proc/self/io: pages that went to a
block device). A file system's own journal, and what a card writes anew within itself, come on top of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agent.buffer.config import MIB
from agent.buffer.thrift import LEVELS, MOST, Thrift
from agent.status import WearStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.buffer.config import BufferConfig
    from agent.clock import Clock

STATE = ("", "wear")  # under which this is kept in the core
_SAVE_SHARE = 128  # of the day's budget: what a kill leaves uncounted
WRITTEN = "what is written"
KEPT = "what is kept"


class Wear:
    """Adds up what is written and kept, and says by `level` how far the recorder should be thinned.

    Parameters
    ----------
    config, clock
        As the buffer has them.
    limit_bytes
        What rows may take: a day should fit into it.
    kept
        Bytes that were kept so far, those dropped since included; only differences count.
    written
        Bytes that this process wrote so far; None where the system does not tell.

    """

    def __init__(
        self, config: BufferConfig, clock: Clock, limit_bytes: int, kept: int, written: Callable[[], int | None]
    ) -> None:
        self._clock = clock
        self._written = written
        self._kept = kept
        self._seen = written()
        self._budget = config.write_mib_per_day * MIB
        self._unsaved = 0
        # Whoever asks for every row gets it, and is told where that passes a budget.
        self._thins = config.capture != "all"
        budgets = {WRITTEN: self._budget, KEPT: float(limit_bytes)}
        self._thrift = Thrift(budgets, clock.monotonic_ns(), MOST if self._thins else 0)
        self.status = self._describe()  # one record, replaced as a whole: another thread reads it

    @property
    def level(self) -> int:
        """How far the recorder is to be thinned."""
        return self._thrift.level

    @property
    def words(self) -> str:
        """What is kept at this level, and why."""
        return f"{LEVELS[self.level]}{f': {self._thrift.why}' if self._thrift.why else ''}"

    @property
    def wants_saving(self) -> bool:
        """Whether so much was written since it was last saved that a kill should not make it forgotten."""
        return self._unsaved > self._budget / _SAVE_SHARE

    def look(self, kept: int) -> bool:
        """Look at what was spent since the last time; return whether the level has changed."""
        written = self._written()
        count = 0 if written is None or self._seen is None else max(0, written - self._seen)
        grown, self._kept, self._seen = kept - self._kept, kept, written
        self._unsaved += count
        changed = self._thrift.spend({WRITTEN: count, KEPT: grown}, self._clock.monotonic_ns())
        self.status = self._describe()
        return changed

    def save(self) -> bytes:
        """Give what is kept over a restart."""
        self._unsaved = 0
        return self._thrift.save(self._clock.monotonic_ns())

    def restore(self, stored: bytes) -> None:
        """Go on from what was kept. Raises ValueError for what another version kept."""
        self._thrift.restore(stored, self._clock.monotonic_ns())
        self.status = self._describe()

    def _describe(self) -> WearStatus:
        return WearStatus(
            written_bytes=None if self._seen is None else round(self._thrift.meters[WRITTEN].total),
            limit_bytes=round(self._budget),
            thinning=self.level,
            why=self.words if self.level else self._passed(),
        )

    def _passed(self) -> str:
        over = "" if self._thins else self._thrift.over()
        return f'{over} passes its budget: with capture = "all" rows are not thinned' if over else ""


def bytes_written(proc: Path = Path("/proc")) -> int | None:
    """Return the bytes that this process had written to block devices; None where the system does not tell."""
    try:
        for line in (proc / "self" / "io").read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name == "write_bytes":
                return int(value)
    except (OSError, ValueError):
        return None
    return None
