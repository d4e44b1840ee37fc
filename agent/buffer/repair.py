"""Opens a database file whatever state it was left in: cuts a damaged log, sets a file aside that cannot be read.

What is cut off or unreadable is kept in quarantine, which is bounded. Every repair is told in a sentence for people.
Failures that are no fault of the file (a full disk) raise UnavailableError and move nothing.
"""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

import duckdb

from agent.buffer import schema
from agent.buffer.blocks import mend, named_in
from agent.buffer.engine import is_passing
from agent.buffer.errors import CorruptError, SchemaTooNewError, UnavailableError
from agent.buffer.folders import length_of, wal_of
from agent.buffer.halfway import clear_traces, make_file
from agent.buffer.log_mending import mend_log
from agent.buffer.quarantine import Quarantine
from agent.buffer.rehearsal import FOLDED_BYTES, Rehearsal, longest_that_replays
from agent.status import Repair

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.buffer.engine import Engine

CORE_FILE = "core.duckdb"
_CORE_LOST = (
    "the findings of before with their history, the references of the models and what the detectors had learned are "
    "lost with it, inferences, labels and summaries are not"
)
_LEARNED_ANEW = (
    "Look at what each model sees now, and that it is well: every reference is learned anew from here, and a fault of "
    "now would be taken for usual. One that was exported comes back with: driftline baseline import FILE. Findings "
    "that were open are not told again: the newest report has them. Destinations are sent what happens from here on."
)
_SEGMENT_LOST = "what it held is missing from queries"
_WEARS_OUT = (
    "The inferences in it are in no report any more; findings and references are not touched. Where this comes again, "
    "the card or disk is failing: copy what must be kept, and replace it."
)
_POSITION = re.compile(r"byte position (\d+)")
_MOST_CUTS = 100
_MOST_MENDS = 200  # a file in which more blocks are damaged is not worth the time


class Repairer:
    """Repairs the files of one directory and remembers what it did in `notes`; sets aside about `most_aside` bytes."""

    def __init__(self, directory: Path, most_aside: int) -> None:
        self.directory = directory
        self.rehearsal = Rehearsal()
        self.notes: list[str] = []
        self.aside = Quarantine(directory, most_aside, self.notes.append)
        self._advice: dict[str, str] = {}  # for a note, where something is left to do

    @property
    def repairs(self) -> tuple[Repair, ...]:
        """What was done, oldest first."""
        return tuple(Repair(note, self._advice.get(note, "")) for note in self.notes)

    def attach(self, engine: Engine, path: Path, alias: str, after: int = 0) -> bool:
        """Attach `path`, made where it is missing, its log cut where it is damaged.

        Its batches come `after` those of earlier files. Returns whether the traces of a checkpoint that was cut off
        had to be cleared away in it.

        Raises
        ------
        CorruptError
            The file cannot be read.
        SchemaTooNewError
            A newer DuckDB wrote it.
        UnavailableError
            It cannot be opened now.
        """
        folding = self.cut_damage(wal_of(path), after)
        cleared = False
        for _ in range(_MOST_CUTS):
            try:
                cleared = cleared or (folding and clear_traces(path, lambda: self.rehearsal.metadata(path, alias)))
                if why := self._rehearse(path, alias):
                    self._answer(why, path, alias)
                    continue
                if not path.exists():
                    make_file(engine.run, path)
                engine.run(schema.attach(str(path), alias))
            except OSError as error:
                raise UnavailableError(str(error)) from error
            except duckdb.Error as error:
                self._answer(str(error), path, alias)
                engine.run(schema.detach(alias))  # raises where the instance has given up: it is made anew
            else:
                path.chmod(0o640)
                return cleared
        raise CorruptError(f"its log is damaged in more than {_MOST_CUTS} places")

    def tell(self, note: str, advice: str) -> None:
        """Take note of something, and of what there is to do about it."""
        self.notes.append(note)
        self._advice[note] = advice

    def rest(self) -> None:
        """Let go of what is only needed while files are opened."""
        self.rehearsal.close()

    def _rehearse(self, path: Path, alias: str) -> str:
        """Have the log replayed beside this process; say why that failed, empty where it did not."""
        size = length_of(wal_of(path))
        why = ""
        if size > FOLDED_BYTES:
            why = self.rehearsal.replay(path, alias, fold=True)
        if 0 < size <= FOLDED_BYTES or is_passing(why):  # there may be no room for folding
            why = self.rehearsal.replay(path, alias)
        return why

    def mend(self, path: Path, why: str) -> bool:
        """Turn the one wrong bit back that `why` tells of, in a file that is closed; False where it is not one."""
        at = named_in(why)
        try:
            mended = at is not None and mend(path, at)
        except OSError:  # it cannot be read there at all
            return False
        if mended:
            self.notes.append(
                f"{path.name} was damaged at byte {at}: one wrong bit in it was set right by its checksum; "
                "nothing was lost"
            )
        return mended

    def quarantine(self, path: Path, why: str) -> None:
        """Set a database file and its log aside."""
        lost = length_of(path)
        names = self.aside.take(*(part for part in (path, wal_of(path)) if part.exists()))
        missing, advice = (_CORE_LOST, _LEARNED_ANEW) if path.name == CORE_FILE else (_SEGMENT_LOST, _WEARS_OUT)
        note = f"{path.name} ({lost} bytes) cannot be read and was set aside as {' and '.join(names)}; {missing}: {why}"
        self.tell(note, advice)

    def tidy(self, folder: Path) -> None:
        """Remove what a crash left behind that holds no data, and set aside logs whose file is gone.

        Temporaries go without a word: a crash leaves them, and nothing in them was ever promised.
        """
        for path in sorted(folder.iterdir()):
            if path.name.endswith((".tmp", ".tmp.wal")):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            elif path.suffix == ".duckdb" and path.stat().st_size == 0 and not wal_of(path).exists():
                path.unlink()
                note = f"{path.name}, created but never written before a crash, was removed"
                self.notes.append(note)
                if path.name == CORE_FILE:
                    self._advice[note] = f"Unless it was the first start: {_LEARNED_ANEW}"
            elif path.suffix == ".wal" and not path.with_suffix("").exists():
                (name,) = self.aside.take(path)
                self.notes.append(f"{path.name} belongs to no file any more and was set aside as {name}")

    def cut_damage(self, wal: Path, after: int) -> bool:
        """Mend a log or cut it at its last sound entry; its batches come `after` those of earlier files.

        Returns whether it tells of a checkpoint that was cut off.
        """
        if not wal.exists():
            return False
        path = wal.with_suffix("")
        headers = self.rehearsal.headers(path)
        state, done = mend_log(wal, headers, after, lambda: self.rehearsal.last_number(path, *_numbered(path)))
        self.notes += done
        if state.stale >= 0:
            kept = self.aside.keep_tail(wal, state.stale)
            self.notes.append(
                f"{wal.name} holds something older from byte {state.stale} of {state.size} on, a copy or another log; "
                f"the rest was cut off, {kept}"
            )
            _truncate(wal, state.stale)
            return state.folding
        if state.sound == state.size:
            return state.folding
        # One entry cut short is what every hard stop leaves: nothing that was promised is in it.
        if not state.torn:
            kept = self.aside.keep_tail(wal, state.sound)
            self.notes.append(
                f"{wal.name} was damaged after byte {state.sound} of {state.size}, as a power cut does; {_held(wal)} "
                f"up to there were kept, the rest ({state.size - state.sound} bytes) was cut off, {kept}"
            )
        _truncate(wal, state.sound)
        return state.folding

    def _answer(self, why: str, path: Path, alias: str) -> None:
        """Do what makes a second attempt worthwhile, or raise what is wrong."""
        wal = wal_of(path)
        if "storage version number" in why:
            raise SchemaTooNewError(path, "of a later DuckDB", duckdb.__version__)
        if is_passing(why):
            raise UnavailableError(why)
        if named_in(why) is not None:
            raise CorruptError(why)
        position = _POSITION.search(why)
        size = length_of(wal)
        if not size:
            raise CorruptError(why)
        if position and int(position[1]) < size:
            sound = int(position[1])
        else:
            sound = longest_that_replays(self.rehearsal, path, alias)
        if sound:
            kept = self.aside.keep_tail(wal, sound)
            self.notes.append(f"{wal.name} was damaged at byte {sound} of {size}; the rest was cut off, {kept}")
            _truncate(wal, sound)
        else:
            (name,) = self.aside.take(wal)
            self.notes.append(
                f"{wal.name} ({size} bytes) does not fit its file and was set aside as {name}; "
                f"the newest {_held(wal)} may be missing"
            )


def _numbered(path: Path) -> tuple[str, str]:
    """Return the table of a file whose rows are numbered, and the column."""
    return ("finding_history", "seq") if path.name == CORE_FILE else ("batches", "id")


def _held(wal: Path) -> str:
    return "findings and states" if wal == wal_of(wal.with_name(CORE_FILE)) else "rows"


def read_all(engine: Engine, alias: str) -> None:
    """Read every value of an attached file. Raises CorruptError where that is not possible."""
    try:
        for (table,) in engine.run(schema.READ_TABLES, [alias]):
            engine.run(schema.read_everything(alias, table))
    except duckdb.Error as error:
        raise (UnavailableError if is_passing(error) else CorruptError)(str(error)) from error


def guarded(
    engine: Engine, path: Path | None, repairer: Repairer, alias: str, load: Callable[[], None], after: int = 0
) -> bool:
    """Attach `path` and `load` it, mending it where that helps; set it aside and return False where it does not.

    Its batches come `after` those of earlier files.
    """
    if path is None:
        engine.run(schema.attach(":memory:", alias))
        load()
        return True
    for attempt in range(_MOST_MENDS):
        try:
            cleared = repairer.attach(engine, path, alias, after)
            load()
            if cleared:  # a look at what else is read later only
                read_all(engine, alias)
        except (CorruptError, duckdb.Error) as error:
            engine.rollback()
            engine.run(schema.detach(alias))
            if is_passing(error):
                raise UnavailableError(str(error)) from error
            why = str(error).splitlines()[0]
            if attempt + 1 < _MOST_MENDS and repairer.mend(path, why):
                continue
            repairer.quarantine(path, why)
            return False
        break
    return True


def _truncate(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())
