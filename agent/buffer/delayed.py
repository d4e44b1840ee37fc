"""Writes to the core that the disk has not taken yet, bounded in bytes; beyond it the least is lost that can be.

A state takes the place of an earlier one of its key. Where there is no room, states and events go first, oldest first,
then the oldest findings, all of them counted. Identities of streams never go: they are few, and without them rows could
not be told apart.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal, NamedTuple

from agent.buffer.config import MIB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.buffer import schema

Kind = Literal["stream", "finding", "state", "event"]
Key = tuple[Kind, object]  # of a finding its sequence number, of a state its stream and part
MOST_BYTES = 8 * MIB
_WRITE_BYTES = 1_000  # what one takes as Python keeps it, beside its texts
_WORDS: dict[Kind, str] = {
    "finding": "states of findings",
    "state": "states of detectors",
    "event": "lines of the history",
}


class Write(NamedTuple):
    """Statements of one transaction, and about what they take in memory."""

    statements: Sequence[schema.Statement]
    bytes: int


class Delayed:
    """The queue, of at most `most_bytes`. `notes` may be asked by any thread, the rest is of one."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._writes: dict[Key, Write] = {}
        self._bytes = 0
        self._dropped: Counter[Kind] = Counter()
        self.findings = 0  # how many of them wait

    def __len__(self) -> int:
        return len(self._writes)

    @property
    def notes(self) -> list[str]:
        """What was discarded, in words."""
        lost = ((self._dropped[kind], words) for kind, words in _WORDS.items())
        return [f"{count} {words} were discarded before the disk took them" for count, words in lost if count]

    def add(self, key: Key, statements: Sequence[schema.Statement]) -> list[Key]:
        """Queue a write, in place of one of the same key; return the keys of what was discarded for it."""
        self._take(key)
        write = Write(statements, _WRITE_BYTES + sum(_size(values) for _, values in statements))
        self._writes[key] = write
        self._bytes += write.bytes
        self.findings += key[0] == "finding"
        dropped: list[Key] = []
        for kinds in (("state", "event"), ("finding",)):
            if self._bytes > self._most_bytes:
                for oldest in [waiting for waiting in self._writes if waiting[0] in kinds]:
                    if self._bytes > self._most_bytes:
                        self._take(oldest)
                        dropped.append(oldest)
        self._dropped.update(kind for kind, _ in dropped)
        return dropped

    def first(self) -> tuple[Key, Sequence[schema.Statement]]:
        """Return the oldest; there is one."""
        key = next(iter(self._writes))
        return key, self._writes[key].statements

    def done(self) -> None:
        """Hear that the oldest is durable."""
        self._take(next(iter(self._writes)))

    def _take(self, key: Key) -> None:
        write = self._writes.pop(key, None)
        if write is not None:
            self._bytes -= write.bytes
            self.findings -= key[0] == "finding"


def _size(values: Sequence[object]) -> int:
    return sum(len(value) for value in values if isinstance(value, str | bytes))
