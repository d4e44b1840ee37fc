"""What the recorder writes into its journal, with what rows have in common written once for each file of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.buffer import frames

if TYPE_CHECKING:
    from agent.buffer.flight import Entry
    from agent.buffer.journal import Journal
    from agent.buffer.recollect import Recollection


class Diary:
    """Writes frames. With `journal` None nothing is kept, and `number` does not move."""

    def __init__(self, journal: Journal | None) -> None:
        self._journal = journal
        self._shapes: dict[tuple[object, ...], int] = {}
        self._next_shape = 1

    @property
    def number(self) -> int:
        """The number of the newest frame."""
        return self._journal.last if self._journal else 0

    def go_on(self, found: Recollection) -> None:
        """Write behind what was found."""
        self._next_shape = found.shapes + 1
        if found.uncommitted:
            self.write(frames.Void(tuple(found.uncommitted)))
        if found.stepped:
            self.write(found.stepped)

    def take(self, entry: Entry, gap: int) -> None:
        """Write rows, and give them the number of their frame."""
        block = entry.block
        like = (block.stream, block.signals, block.classes)
        shape = self._shapes.get(like)
        if shape is None:
            shape, self._next_shape = self._next_shape, self._next_shape + 1
            self._shapes[like] = shape
            self.write(frames.Shape(shape, *like))
        self.write(frames.rows_of(block, shape, entry.seen_ns, gap, entry.stored))
        entry.number = self.number

    def write(self, frame: frames.Frame) -> None:
        """Write one frame."""
        if self._journal and self._journal.append(frames.encode(frame)):
            self._shapes.clear()  # they were in the file that is gone: each is written again before its next rows
