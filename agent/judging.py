"""Has blocks judged, and carries on the findings that come of it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from agent.episodes import Moment
from agent.host_history import FRESH_NS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.findings import FindingBook
    from agent.host_history import HostHistory
    from agent.model import Block, Effect, Finding
    from agent.monitor import StreamMonitor

_NO_NAMES: Mapping[str, Sequence[str]] = MappingProxyType({})


def judge(
    monitor: StreamMonitor,
    book: FindingBook,
    block: Block,
    seen_ns: int,
    host: HostHistory,
    names: Mapping[str, Sequence[str]] = _NO_NAMES,
) -> list[Finding]:
    """Have a monitor judge a block, and return the findings that opened or changed by it.

    `names` are those of a signal's categories by code, beside the classes that the block itself names.
    """
    scores = monitor.process(block, seen_ns)
    panel = monitor.panel
    if panel is not None:
        monitor.statistics.pulse.judged(panel.evidence)
    time_ns = int(block.time_ns[-1])
    known = {"prediction": block.classes, **names}
    moment = Moment(
        stream=monitor.stream,
        row=monitor.rows,
        time_ns=time_ns,
        effects=lambda rows: tuple(_named(effect, known) for effect in monitor.effects(rows)),
        changes=tuple(monitor.changes),
        host=host.look(time_ns - FRESH_NS),
        pace=monitor.pace,
    )
    return book.update(moment, scores)


def _named(effect: Effect, names: Mapping[str, Sequence[str]]) -> Effect:
    known, frequent = names.get(effect.signal.name), effect.frequent
    if not known or frequent is None or effect.signal.kind != "categorical" or not 0 <= frequent.value < len(known):
        return effect
    return msgspec.structs.replace(
        effect, frequent=msgspec.structs.replace(frequent, name=known[round(frequent.value)])
    )
