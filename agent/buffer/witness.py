"""What was acknowledged, told by another file than the one that holds it: by the core, with whatever it takes anyway.

A log that lost its end looks like an earlier moment, and nothing in it tells of more. What the core knows is as old as
its last write (a finding, a state, a line of the history): batches since then can be missing without a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.buffer.segment import Segment

STATE = ("", "acknowledged")  # under which it is kept in the core


class Acknowledged(msgspec.Struct, frozen=True, array_like=True):
    """The last batch, the file that took it, and how many rows were in that then."""

    batch: int
    file: str
    rows: int


def testify(segments: Sequence[Segment]) -> bytes:
    """Say what is committed; empty where nothing is."""
    newest = segments[-1] if segments else None
    if newest is None or newest.path is None or not newest.last_batch:
        return b""
    return msgspec.msgpack.encode(Acknowledged(newest.last_batch, newest.path.name, newest.rows))


def what_is_missing(segments: Sequence[Segment], stored: bytes | None) -> str:
    """Say which of the batches that were acknowledged are not there any more, empty where none is known."""
    if not stored:
        return ""
    try:
        known = msgspec.msgpack.decode(stored, type=Acknowledged)
    except msgspec.MsgspecError:
        return ""  # a later version's
    last = max((segment.last_batch for segment in segments), default=0)
    if last >= known.batch:
        return ""
    left = sum(segment.rows for segment in segments if segment.path and segment.path.name == known.file)
    return (
        f"{known.file} lacks what had been acknowledged: batches {last + 1} to {known.batch}, with "
        f"{known.rows - left} rows at least"
    )
