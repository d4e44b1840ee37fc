"""Slots and states of findings as parcels, each under an id that is of its content."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

import msgspec

from agent.buffer.outgoing.slots import SECOND_NS
from agent.outbound import HostWindow, Parcel, Window
from agent.steady import RELEASED_NS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agent.buffer.outgoing.slots import Slot
    from agent.buffer.outgoing.stored import Stored
    from agent.outbound import FindingChange

MOST_CHANGES = 50  # states of findings in a batch

T = TypeVar("T", "FindingChange", Parcel)


def change_parcels(stored: Stored, changes: Iterable[FindingChange]) -> tuple[Parcel, ...]:
    """Return states of findings, at least one, as parcels, and what stands after them as one more."""
    instance, told = stored.instance(), list(changes)
    parcels = [Parcel(id=f"{instance}-f{change.number}", content=change) for change in told]
    moment_ns = max(change.end_ns for change in told)
    after = HostWindow(time_ns=moment_ns, seconds=0.0, readings=(), findings=stored.standing(moment_ns))
    return (*parcels, Parcel(id=f"{instance}-s{told[-1].number}", content=after))


def undated_parcels(stored: Stored, changes: Iterable[FindingChange]) -> tuple[Parcel, ...]:
    """Return states of findings as parcels that say how long ago they were, by a clock that is not believed.

    Those of a time that the clock has not come to were dated by another; where that was a possible one it stays.
    """
    now_ns = stored.now_ns()
    parcels = []
    for change in changes:
        later = change.end_ns > now_ns
        ago_s = math.inf if later else (now_ns - change.end_ns) / SECOND_NS
        told = change if later and change.end_ns >= RELEASED_NS else msgspec.structs.replace(change, ago_s=ago_s)
        parcels.append(Parcel(id=f"{stored.instance()}-u{change.number}", content=told))
    return tuple(parcels)


def slot_parcels(stored: Stored, slot: Slot) -> list[Parcel]:
    """Return a window of each stream, and one of the device where there are readings or findings."""
    mark = f"{slot.first}-{slot.last}"
    instance = stored.instance()
    windows = {
        key: stored.completed(Window(summary=summary, total=slot.totals[key]))
        for key, summary in slot.summaries.items()
    }
    parcels = [Parcel(id=f"{instance}-w{mark}-{key}", content=window) for key, window in windows.items()]
    host = host_window(stored, slot.start_ns, slot.end_ns)
    if host.readings or host.findings:
        parcels.append(Parcel(id=f"{instance}-h{mark}", content=host))
    return parcels


def host_window(stored: Stored, start_ns: int, end_ns: int) -> HostWindow:
    """Return what the device has to say of a span."""
    seconds = (end_ns - start_ns) / SECOND_NS
    readings, findings = stored.rollups(start_ns, end_ns), stored.standing(end_ns)
    return HostWindow(time_ns=start_ns, seconds=seconds, readings=readings, findings=findings)


def first_of(found: Sequence[T], most_bytes: int) -> tuple[T, ...]:
    """Return the first that fit, at least one if there is any, by what they take before they are compressed."""
    count = 0
    for one in found:
        most_bytes -= len(msgspec.msgpack.encode(one))
        if count and most_bytes < 0:
            break
        count += 1
    return tuple(found[:count])
