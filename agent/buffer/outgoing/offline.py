"""What the files of an agent that is not running say of its destinations; nothing is changed in them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar, cast

from agent.buffer.errors import UnavailableError
from agent.buffer.outgoing.cursor import Cursor
from agent.buffer.outgoing.kept import Kept
from agent.buffer.outgoing.places import KIND as PLACE
from agent.outbound import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.buffer.dating import Dating
    from agent.buffer.engine import Engine
    from agent.buffer.files import Files
    from agent.buffer.reader import Reader
    from agent.outbound import DeadLetter, Egress

T = TypeVar("T")


class _ReadFiles:
    """As much of `agent.buffer.files.Files` as reading needs."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.ledger = reader.ledger

    def read(self, question: Callable[[Engine], T]) -> T:
        """Ask the open files."""
        return self._reader.ask(question)


class OfflineOutbox:
    """Reads the outbox of a stopped agent. One that a version before forwarding wrote is empty."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept = Kept(cast("Files", _ReadFiles(reader)), cast("Dating", None))

    def waiting(self) -> list[Waiting]:
        """Say what waits for each destination; which window it goes in is decided when it is sent."""
        found: list[Waiting] = []
        with suppress(UnavailableError):
            newest = max((segment.last_summary for segment in self._reader.segments), default=0)
            for name in self._kept.places(PLACE):
                with suppress(ValueError):  # of another version: the agent begins it anew
                    found.append(self._waiting(name, Cursor.decode(self._kept.place(PLACE, name) or b""), newest))
        return found

    def dead_letters(self, destination: str) -> list[DeadLetter]:
        """Return what was refused, newest first; of all destinations where none is named."""
        with suppress(UnavailableError):
            return self._kept.letters(destination or None, again=False)
        return []

    def egress(self, since_ns: int, most: int) -> list[Egress]:
        """Return lines of the ledger, newest first."""
        with suppress(UnavailableError):
            return self._kept.egress(since_ns, most)
        return []

    def _waiting(self, name: str, cursor: Cursor, newest: int) -> Waiting:
        return Waiting(
            destination=name, findings=self._reader.changes_after(cursor.findings),
            minutes=cursor.waiting(newest), oldest_ns=0, dead_letters=len(self.dead_letters(name)),
            dropped=cursor.dropped, window_s=0,
        )  # fmt: skip
