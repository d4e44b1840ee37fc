"""What a report says of the device's storage: from a running agent's status, or from the files of a stopped one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.clock import SystemClock
from exporters.report.document import Keeping

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from agent.buffer import BufferConfig, Reader
    from agent.model import Reading
    from agent.status import Status, WearStatus

LIFE = "hw.physical_disk.endurance_utilization"
NEWEST_LIFE = f"SELECT arg_max(value, time) FROM readings WHERE name = '{LIFE}' GROUP BY labels"  # noqa: S608  # a constant
MOST_CARDS = 1_000


def of_agent(status: Status) -> Keeping:
    """Say what a running agent keeps."""
    buffer = status.buffer
    return _keeping(buffer.bytes, buffer.limit_bytes, buffer.wear, _life(status.host))


def of_files(reader: Reader, state: Path, config: BufferConfig, lives: Iterable[float]) -> Keeping:
    """Say what a stopped agent kept; `lives` are what is left of each part of its storage."""
    from agent.buffer.wear import STATE, stored_wear  # noqa: PLC0415  # loads duckdb

    kept = sum(path.stat().st_size for path in (*state.glob("core.duckdb*"), *state.glob("segments/*")))
    stored = reader.get_state(*STATE)
    try:
        wear = stored_wear(stored, config, SystemClock()) if stored else None
    except ValueError:  # of another version; the agent's next start says so
        wear = None
    return _keeping(kept, config.limit_bytes, wear, min(lives, default=None), config.write_mib_per_day)


def _keeping(kept: int, limit: int, wear: WearStatus | None, life: float | None, write_mib: float = 0.0) -> Keeping:
    return Keeping(
        kept=kept,
        kept_limit=limit,
        written=wear.written_bytes if wear else None,
        written_limit=wear.limit_bytes if wear else round(write_mib * (1 << 20)),
        thinned=(wear.why or wear.level) if wear else "not known how far they are thinned",
        since=wear.since if wear else None,
        life=life,
    )


def _life(host: Iterable[Reading]) -> float | None:
    return min((reading.value for reading in host if reading.name == LIFE), default=None)
