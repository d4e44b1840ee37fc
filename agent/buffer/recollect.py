"""Reads the recorder's journal: which of its frames still count after the agent was killed, and where it has gaps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.buffer import frames

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from agent.buffer.frames import Closed, Rested, Stepped, Window
    from agent.model import Block
    from agent.steady import Step


@dataclass(frozen=True, slots=True)
class Seen:
    """A block that had been committed, as it was taken in. `gap` as in the sampler; `stored`: which rows were."""

    number: int
    seen_ns: int
    gap: int
    block: Block
    stored: NDArray[np.bool_]


@dataclass(slots=True)
class Recollection:
    """What happened, in order. Whoever asks for what came before frame `left` asks too much.

    uncommitted: frames of rows that are read from their rings again. shapes: the highest number given to a shape.
    stepped: what the journal does not say, last of the events.
    """

    events: list[Seen | Closed | Window | Rested | Stepped] = field(default_factory=list)
    left: int = 0
    uncommitted: list[int] = field(default_factory=list)
    shapes: int = 0
    stepped: Stepped | None = None


def recollect(
    kept: Iterable[tuple[int, bytes]], positions: Mapping[str, int], last: int, step: Step | None = None
) -> Recollection:
    """Read the frames of a journal that ends with number `last`; `positions` are committed, by source.

    `step`: by how much the clock was set after its end.
    """
    decoded = []
    for number, payload in kept:
        try:
            decoded.append((number, frames.decode(payload)))
        except ValueError:  # another version's
            continue
    shapes = {frame.shape: frame for _, frame in decoded if isinstance(frame, frames.Shape)}
    void = {number for _, frame in decoded if isinstance(frame, frames.Void) for number in frame.numbers}
    found = Recollection(left=decoded[0][0] - 1 if decoded else last, shapes=max(shapes, default=0))
    found.stepped = frames.Stepped(step) if step else None
    newest: dict[str, int] = {}
    for number, frame in decoded:
        if isinstance(frame, frames.Closed | frames.Window | frames.Rested | frames.Stepped):
            found.events.append(frame)
        elif isinstance(frame, frames.Rows) and number not in void:
            newest[frame.source] = frame.last_seq
            if frame.source and frame.last_seq > positions.get(frame.source, -1):
                found.uncommitted.append(number)
                continue
            try:
                block, stored = frames.block_of(frame, shapes[frame.shape])
            except (KeyError, ValueError):  # its shape went with the file before
                found.left = number
            else:
                found.events.append(Seen(number, frame.seen_ns, frame.gap, block, stored))
    if any(seq < positions.get(source, seq) for source, seq in newest.items()):
        found.left = last  # rows were committed that it does not know
    found.events += [] if found.stepped is None else [found.stepped]
    return found
