"""What can be set about the buffer, and why each default is what it is. Sizes are MiB, times seconds."""

from __future__ import annotations

import msgspec

from agent.buffer.capture import Capture, CaptureConfig
from agent.config import ValueRefusedError

MIB = 1 << 20
_LOG_SHARE = 3  # of DuckDB's memory, what one log may be
_SIZES = (1 / 1024, 1 << 30)
_RANGES = {
    "keep_days": (1 / 24, 36_500),
    "daily_segment_mib": (0, 1 << 30),
    "reserve_mib": (0, 1_024),  # it is room that nothing else has
    "commit_seconds": (0.01, 3_600),
}


class BufferConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the buffer.

    capture: which rows are kept. `flight-recorder`: summaries of minutes, samples, and all rows around a finding;
        `sampled`: without the latter; `all`: every row, at 122 MB written a million inferences of 20 signals.
        `recorder` says how many.

    limit_mib: what may be taken on disk; the oldest segment goes when it is passed. 1 GiB leaves room on an 8 GB card.
    keep_days: for how many days of the device's running rows are kept, in steps of an eighth; findings are kept for
        good. Not set: until there is no room. Where the time that the device was off is known, it counts, too.
    segment_mib: size at which a new segment file starts. The limit is kept in steps of one segment, so a segment is
        never more than an eighth of the limit.
    daily_segment_mib: a new UTC day starts a new segment only when the old one holds at least this much, so that a
        device that writes little does not end with hundreds of files open.
    write_mib_per_day: what the agent may write in 24 hours; rows are thinned to stay within it, findings never. At
        defaults a million inferences a day write 40, a hundred a second 130, and findings of a bad day 100 more. A
        card that takes 3 TB before it fails lasts 30 years at 256 a day.
    reserve_mib: room that is kept free for findings, states and acknowledgements, given back when the disk is full; an
        eighth of a small file system at most. 8 MiB take 1,000 findings of 8 kB each, or of 3 kB with states between.
    commit_seconds: how often the pipeline commits: what a power cut can cost in rows. Each commit is one fsync, and on
        an SD card an fsync writes a whole erase block, so shorter is dearer. Findings are committed at once.
    pending_mib: rows that wait in memory while the disk cannot take them; the oldest are discarded beyond it.
    memory_rows_mib: what rows may take in memory when the directory cannot be written.
    duckdb_memory_mib: DuckDB's own limit. It is no cap on the process: 32 and 48 both end near 100 MiB resident.
    wal_mib: write-ahead log at which DuckDB folds it into the file. A smaller one is folded more often and writes the
        last row group again each time: 1 MiB cost 1.8 times the bytes of 16. A third of `duckdb_memory_mib` at most:
        what is in it is in that memory, too, one and a half times as large.
    """

    capture: Capture = "flight-recorder"
    recorder: CaptureConfig = CaptureConfig()
    limit_mib: float = 1024.0
    keep_days: float | None = None
    segment_mib: float = 64.0
    daily_segment_mib: float = 16.0
    write_mib_per_day: float = 256.0
    reserve_mib: float = 8.0
    commit_seconds: float = 5.0
    pending_mib: float = 16.0
    memory_rows_mib: float = 16.0
    duckdb_memory_mib: int = 48
    wal_mib: float = 16.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is None or name in {"capture", "recorder"}:
                continue
            least, most = _RANGES.get(name, _SIZES)
            if not least <= value <= most:
                raise ValueRefusedError(name, f"accepted is a number from {least:g} to {most}")

    @property
    def limit_bytes(self) -> int:
        """`limit_mib` in bytes."""
        return round(self.limit_mib * MIB)

    @property
    def wal_bytes(self) -> int:
        """Length at which the log of a segment is folded in: `wal_mib`, as far as the memory has room for it."""
        return round(min(self.wal_mib, self.duckdb_memory_mib / _LOG_SHARE) * MIB)

    @property
    def segment_bytes(self) -> int:
        """Size at which a segment is full, in bytes."""
        return round(min(self.segment_mib, self.limit_mib / 8) * MIB)
