"""Places, dead letters and the egress ledger in the core: one transaction a delivery, durable on return, all bounded.

What is read is committed. Dead letters beyond MOST_LETTERS or MOST_LETTER_BYTES go, oldest first, and are counted; so
do lines of the ledger beyond MOST_LINES, or older than MOST_DAYS of the time that the device was watched.
"""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import duckdb
import msgspec

from agent.buffer import outgoing_schema as sql
from agent.buffer import schema
from agent.buffer.era_schema import moved_ns
from agent.buffer.errors import UnavailableError
from agent.outbound import DeadLetter, Egress, Parcel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    from agent.buffer.dating import Dating
    from agent.buffer.engine import Engine
    from agent.buffer.files import Files
    from agent.buffer.outgoing.stored import Sent

    T = TypeVar("T")

MOST_LETTERS = 1_000
MOST_LETTER_BYTES = 4 << 20  # as they are stored
MOST_LINES = 50_000  # half a year of one destination, at one delivery in five minutes
MOST_DAYS = 180
_DAY_NS = 86_400_000_000_000
_TRIM_EVERY = 500  # lines
_LAST = "last", ""  # the place that tells whether a transaction came to be
_INSTANCE = "instance", ""
_DROPPED = "dropped letters", ""
_parcels = msgspec.msgpack.Decoder(Parcel)


class _Letter(NamedTuple):
    number: int
    destination: str
    id: str
    bytes: int


class Kept:
    """What is kept in the core of `files` for destinations. Every call may raise UnavailableError."""

    def __init__(self, files: Files, dating: Dating) -> None:
        self._files, self._dating = files, dating
        self._known_of: Engine | None = None  # what follows is known of these open files
        self._letters: list[_Letter] = []
        self._line = 0
        self._instance = ""
        self._unkept: list[schema.Statement] = []  # what goes with the next write: a name that the disk did not take

    def read(self, question: Callable[[Engine], T]) -> T:
        """Ask the open files."""
        try:
            return self._files.read(question)
        except duckdb.Error as error:
            raise UnavailableError(str(error).splitlines()[0]) from error

    def write(self, make: Callable[[Engine], Iterable[schema.Statement]]) -> None:
        """Carry statements out in one transaction; where this raises, the next start may find them carried out."""
        token, doubtful = os.urandom(8), False
        tries = 2
        while tries and (engine := self._files.ready()):
            try:
                if doubtful and self._place(engine, *_LAST) == token:
                    return
                self._know(engine)
                statements = [*make(engine), *self._unkept, *_replace(*_LAST, token)]
                engine.begin()
                for statement, values in statements:
                    engine.run(statement, values)
                doubtful = True
                self._files.end_transaction()
            except (duckdb.Error, OSError) as error:
                self._known_of = None
                tries -= not self._files.failed(error)
            else:
                self._unkept = []
                return
        raise UnavailableError(self._files.trouble or "the buffer is closed")

    def instance(self) -> str:
        """Return the random name of the state directory; it is made with the core, and goes with it.

        Where the disk does not take it now, it goes with the next write: a full disk keeps no agent from starting.
        """
        if not self._instance:
            found = self.place(*_INSTANCE)
            if found is None:
                found = os.urandom(8).hex().encode()
                self._unkept = _replace(*_INSTANCE, found)
                with suppress(UnavailableError):
                    self.write(lambda _: ())
            self._instance = found.decode("ascii", "replace")
        return self._instance

    def place(self, kind: str, name: str) -> bytes | None:
        """Return what was kept under a name; None where nothing was, or it is damaged."""
        found = self.read(lambda engine: self._place(engine, kind, name))
        try:
            return None if found is None else zlib.decompress(found) if kind not in _PLAIN else found
        except zlib.error:
            return None

    def places(self, kind: str) -> list[str]:
        """Return the names under which something is kept."""
        return [name for (name,) in self.read(lambda engine: engine.run(_core(sql.READ_PLACES), [kind]))]

    def keep(self, sent: Sent, also: Callable[[Engine], list[schema.Statement]]) -> None:
        """Keep what a delivery changed, and what goes with it, all of it or nothing; durable on return."""
        self.write(lambda engine: self._statements(sent) + also(engine))
        self._known_of = self._known_of if not (sent.letters or sent.settled) else None
        self._line += sent.line is not None

    def letters(self, destination: str | None, *, again: bool) -> list[DeadLetter]:
        """Return dead letters, newest first; with `again` those that are to be sent once more."""
        return self.read(lambda engine: self._read_letters(engine, destination, again=again))

    def send_again(self, destination: str | None) -> int:
        """Mark dead letters to be sent once more; return how many."""
        self.write(lambda _: [(_core(sql.SEND_AGAIN), (destination,))])
        return sum(destination in {None, letter.destination} for letter in self._letters)

    def egress(self, since_ns: int, most: int) -> list[Egress]:
        """Return lines of the ledger, newest first."""
        statement = _core(sql.READ_EGRESS, time=moved_ns("time", self._files.ledger.eras.shifts))
        rows = self.read(lambda engine: engine.run(statement, [since_ns, most]))
        return [
            Egress(
                time_ns=time_ns, destination=destination, address=address, parcels=parcels, accepted=accepted,
                bytes=count, fields=tuple(fields.split()),
            )
            for time_ns, destination, address, parcels, accepted, count, fields in rows
        ]  # fmt: skip

    def dropped_letters(self) -> int:
        """Return how many dead letters went for want of room."""
        return int(self.place(*_DROPPED) or b"0")

    def _statements(self, sent: Sent) -> list[schema.Statement]:
        out: list[schema.Statement] = []
        for kind, name, payload in sent.places:
            out += _replace(kind, name, zlib.compress(payload) if payload else b"")
        era = self._files.ledger.era()
        if sent.letters or sent.line:
            out.append(self._files.ledger.eras.insert(era))
        fresh: list[_Letter] = []
        last = max((letter.number for letter in self._letters), default=0)
        for number, letter in enumerate(sent.letters, last + 1):
            parcel = msgspec.msgpack.encode(letter.parcel)
            fresh.append(_Letter(number, letter.destination, letter.parcel.id, len(parcel)))
            written = (*fresh[-1][:3], letter.time_ns, letter.reason, parcel, era.number)
            out += [(_core(sql.DELETE_LETTER), fresh[-1][1:3]), (_core(sql.INSERT_LETTER), written)]
        out += [(_core(sql.DELETE_LETTER), (destination, id_)) for destination, id_ in sent.settled if self._letters]
        out += self._trim(fresh)
        if line := sent.line:
            values = (
                self._line + 1, line.time_ns, line.destination, line.address, line.parcels, line.accepted, line.bytes,
                " ".join(line.fields), self._dating.observed.now_ns(), era.number,
            )  # fmt: skip
            out.append((_core(sql.INSERT_EGRESS), values))
            if not self._line % _TRIM_EVERY:
                oldest = self._dating.observed.now_ns() - MOST_DAYS * _DAY_NS
                out.append((_core(sql.TRIM_EGRESS), (self._line + 1 - MOST_LINES, oldest)))
        return out

    def _trim(self, fresh: list[_Letter]) -> list[schema.Statement]:
        """Let the oldest letters go where `fresh` ones need their room."""
        replaced = {letter[1:3] for letter in fresh}
        known = [letter for letter in self._letters if letter[1:3] not in replaced] + fresh
        count, size = len(known), sum(letter.bytes for letter in known)
        gone: list[_Letter] = []
        while fresh and (count > MOST_LETTERS or size > MOST_LETTER_BYTES):
            letter = known[len(gone)]
            gone.append(letter)
            count, size = count - 1, size - letter.bytes
        if not gone:
            return []
        dropped = str(self.dropped_letters() + len(gone)).encode()
        return [*((_core(sql.DELETE_LETTER), letter[1:3]) for letter in gone), *_replace(*_DROPPED, dropped)]

    def _read_letters(self, engine: Engine, destination: str | None, *, again: bool) -> list[DeadLetter]:
        statement = _core(sql.READ_LETTERS, time=moved_ns("time", self._files.ledger.eras.shifts))
        found = []
        for whose, parcel, reason, time_ns in engine.run(statement, [destination, again, MOST_LETTERS]):
            try:
                decoded = _parcels.decode(parcel)
            except msgspec.MsgspecError:
                continue  # of another version
            found.append(DeadLetter(destination=whose, parcel=decoded, reason=reason, time_ns=time_ns))
        return found

    def _know(self, engine: Engine) -> None:
        """Learn what has to be at hand of files that were opened, perhaps anew."""
        if self._known_of is not engine:
            self._letters = [_Letter(*row) for row in engine.run(_core(sql.READ_LETTER_SIZES))]
            self._line = engine.run(_core(sql.READ_LAST_LINE))[0][0]
            self._known_of = engine

    def _place(self, engine: Engine, kind: str, name: str) -> bytes | None:
        found = engine.run(_core(sql.READ_PLACE), [kind, name])
        return bytes(found[0][0]) if found else None


_PLAIN = {_LAST[0], _INSTANCE[0], _DROPPED[0]}  # kinds that are not compressed


def _core(statement: str, **parts: str) -> str:
    return statement.format(db=schema.CORE, **parts)


def _replace(kind: str, name: str, payload: bytes) -> list[schema.Statement]:
    delete: schema.Statement = (_core(sql.DELETE_PLACE), (kind, name))
    return [delete, (_core(sql.INSERT_PLACE), (kind, name, payload))] if payload else [delete]
