"""What `driftline doctor` says of the buffer: its files, its reserve, its budgets, and what was set aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tui.format import size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agent.model import Reading
    from agent.status import BufferStatus

_WORN = {"degraded": "80 %", "predicted_failure": "90 %"}
_REPLACE = "copy what must be kept, and plan to replace the device or its storage"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is, and what to do about it."""

    result: Literal["ok", "note", "fail"]
    text: str
    advice: str = ""


def buffer_checks(buffer: BufferStatus) -> Iterator[Check]:
    """Check what a running agent says of its buffer."""
    segments = f"{buffer.segments} segment{'' if buffer.segments == 1 else 's'}"
    if buffer.outdated_segments:
        segments += f" ({buffer.outdated_segments} of an older version, read as they are)"
    yield Check(
        "ok" if buffer.mode == "disk" and not buffer.discarded_rows else "fail",
        f"buffer in {buffer.path}: {buffer.mode}, {segments}, {size(buffer.bytes)} of {size(buffer.limit_bytes)},"
        f" {buffer.discarded_rows} rows discarded",
        "; ".join(buffer.notes) or "free some disk space",
    )
    if buffer.trouble is not None:
        yield Check("fail", f"{buffer.trouble.sentence} The system says: {buffer.trouble.error}", buffer.trouble.advice)
    if buffer.reserve_limit_bytes:
        whole = buffer.reserve_bytes == buffer.reserve_limit_bytes
        yield Check(
            "ok" if whole else "fail",
            f"reserve for findings on a full disk: {size(buffer.reserve_bytes)} of"
            f" {size(buffer.reserve_limit_bytes)} are there",
            "free some disk space: rows are not written until then",
        )
    if buffer.wear is not None:
        written = buffer.wear.written_bytes
        said = "an unknown amount" if written is None else size(written)
        passed = written is not None and written > buffer.wear.limit_bytes
        yield Check(
            "note" if buffer.wear.why or written is None or passed else "ok",
            f"written in the last 24 h: {said} of {size(buffer.wear.limit_bytes)}"
            f"{'; ' + buffer.wear.why if buffer.wear.why else ''}",
            "this system does not tell what a process writes"
            if written is None
            else "raise [buffer] write_mib_per_day or limit_mib if the card has room for more",
        )
    for note in buffer.notes if buffer.mode == "disk" and not buffer.discarded_rows else ():
        yield Check("note", f"buffer: {note}")
    yield from set_aside_check(buffer.path, buffer.quarantine_bytes)


def set_aside_check(directory: object, count: int) -> Iterator[Check]:
    """Say how much lies in quarantine, where something does."""
    if count:
        yield Check(
            "note",
            f"set aside as damaged, or before an upgrade: {size(count)} in {directory}/quarantine",
            "nothing needs it; keep it for a report, or delete it",
        )


def storage_checks(host: Iterable[Reading]) -> Iterator[Check]:
    """Check what the storage says of its own wear; most cards say nothing."""
    for reading in host:
        labels = dict(reading.labels)
        card = labels.get("sensor", "")
        if reading.name == "hw.physical_disk.endurance_utilization":
            left = f"{reading.value:.0%} or more" if reading.value > 0 else "less than 10%"
            yield Check("ok" if reading.value > 0 else "fail", f"storage {card}: {left} of its life left", _REPLACE)
        elif reading.name == "hw.status" and reading.value > 0 and labels.get("state") in _WORN:
            yield Check("fail", f"storage {card}: {_WORN[labels['state']]} of its spare blocks are used up", _REPLACE)
