"""What was acknowledged, told by another file than the one that holds it: by the core, with whatever it takes anyway.

A log that lost its end looks like an earlier moment, and nothing in it tells of more. What the core knows is as old as
its last write (a finding, a state, a line of the history): batches since then can be missing without a word. The
number of a batch that was lost is never given again, so that a gap in the numbers says for good that something is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent.clock import utc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.buffer.segment import Segment

STATE = ("", "acknowledged")  # under which it is kept in the core
TOO_EARLY = (
    "Nothing brings it back, and the agent goes on without it. It was on its way to the disk or damaged there: where "
    "this comes again, the card or disk is failing or says too early that it has written; replace it."
)


class Acknowledged(msgspec.Struct, frozen=True, array_like=True):
    """The last batch, the file that took it, and how many rows were in that then; when it was written, 0 unknown.

    lost: the last batch that is known to be lost, 0 where another has come since.
    """

    batch: int
    file: str
    rows: int
    written_ns: int = 0
    lost: int = 0


class Witness:
    """Testifies to the batches of the segments that are `opened`, a list which its owner changes."""

    def __init__(self, opened: Sequence[Segment]) -> None:
        self._opened = opened
        self._lost = 0

    @property
    def last_batch(self) -> int:
        """The highest number that a batch ever had, lost or not."""
        return max((self._lost, *(segment.last_batch for segment in self._opened)))

    def testify(self) -> bytes:
        """Say what is committed; empty where nothing is."""
        stored = [segment for segment in self._opened if segment.path and segment.last_batch]
        newest = max(stored, key=lambda segment: segment.last_batch, default=None)
        if newest is None or newest.path is None:
            return msgspec.msgpack.encode(Acknowledged(0, "", 0, 0, self._lost)) if self._lost else b""
        lost = self._lost if self._lost > newest.last_batch else 0
        return msgspec.msgpack.encode(
            Acknowledged(newest.last_batch, newest.path.name, newest.rows, newest.last_written_ns, lost)
        )

    def hear(self, stored: bytes | None) -> str:
        """Say which of the batches that were acknowledged are not there any more, empty where none is known."""
        try:
            known = msgspec.msgpack.decode(stored or b"", type=Acknowledged)
        except msgspec.MsgspecError:
            return ""  # there is none, or it is a later version's
        newest = max(self._opened, key=lambda segment: segment.last_batch, default=None)
        last = newest.last_batch if newest else 0
        self._lost = max(self._lost, known.lost, known.batch)
        if last >= known.batch:
            return ""
        left = sum(segment.rows for segment in self._opened if segment.path and segment.path.name == known.file)
        span = _span(newest.last_written_ns if newest else 0, known.written_ns)
        return (
            f"{known.file} ends too early: what had been stored{span} is lost, {known.rows - left} rows at least "
            f"(batches {last + 1} to {known.batch})"
        )


def _span(after_ns: int, until_ns: int) -> str:
    if not until_ns:
        return ""
    since = f" after {utc(after_ns):%Y-%m-%d %H:%M:%S} and" if after_ns else ""
    return f"{since} until {utc(until_ns):%Y-%m-%d %H:%M:%S} UTC"
