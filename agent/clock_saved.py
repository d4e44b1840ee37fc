"""What the next agent of a boot has to know of the clock (`agent.steady`): as it was saved, or as records tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent.timeline import Move, Sleep, Timeline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.clock import Stamp

IMPOSSIBLE, DOUBTFUL, PLAUSIBLE, CONFIRMED = range(4)
MOST_TOTALS = 16
FORMAT = 1  # to be raised where what is saved gets another meaning


class Regime(msgspec.Struct, array_like=True):
    """How the clock stands between two settings. `offset_ns`: wall time less the time since boot, as of the last look.

    rank: how far it is believed, from IMPOSSIBLE to CONFIRMED.
    """

    offset_ns: int
    began_ns: int  # since boot
    rank: int
    was_set: bool = False  # in this boot
    vouched: bool = False  # the kernel said that it is kept right
    right_ns: int = 0  # since boot: when it was set or moved last


class Saved(msgspec.Struct, tag_field="format", tag=FORMAT):
    """What a restart in the same boot goes on with."""

    boot: str
    steps_ns: int
    totals: tuple[int, ...]
    line: Timeline
    regime: Regime
    saved_ns: int  # since boot
    vouched_before: bool  # of the boot before
    told: bool
    floor_ns: int


def read_saved(saved: bytes) -> Saved:
    """Read it; raise ValueError where another version wrote it."""
    try:
        return msgspec.msgpack.decode(saved, type=Saved)
    except msgspec.MsgspecError as error:
        raise ValueError(f"the state of the clock cannot be read: another version stored it ({error})") from error


def dated_before(last: Stamp, totals: Iterable[int], slept_ns: int, rank: int) -> Saved:
    """Put together what records tell: the newest moment that was dated, and the sums of steps that there were."""
    offset_ns = last.wall_ns - last.since_boot_ns
    line = Timeline(last.began_ns, (Move(0, offset_ns),), (Sleep(0, slept_ns),))
    was_set = last.steps_ns != 0
    regime = Regime(offset_ns, last.since_boot_ns, rank, was_set, right_ns=last.since_boot_ns)
    known = (*dict.fromkeys(one for one in totals if one != last.steps_ns), last.steps_ns)[-MOST_TOTALS:]
    return Saved(
        last.boot, last.steps_ns, known, line, regime, last.since_boot_ns,
        vouched_before=False, told=was_set, floor_ns=0,
    )  # fmt: skip
