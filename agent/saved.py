"""What a stream's monitor keeps over a restart, and under which names.

The states of the detectors are kept with the mark of the stored rows that they have seen: a restarted agent has them
judge the rows behind that mark again, and so goes on exactly where it was, however it ended.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from agent import __version__
from agent.baselines import Origin, silent_notes
from agent.clock import utc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from agent.baselines import Evidence
    from agent.model import Block
    from agent.ports import MonitorStore, Reference
    from agent.steady import Step

FORMAT = 2
MOST_REJUDGED = 100_000  # rows that a restart judges again: some seconds, and five times what it usually has to

REFERENCE = "reference"  # the encoded reference
ROWS = "reference rows"  # what it was learned from: another version of Driftline fits its own reference to them
ORIGIN = "reference origin"
FIRST_ROW = "reference row"  # the row of the stream from which the reference judges
LEARNING = "learning"  # the mark behind which the rows lie that are being learned from
TRAINING = "training"  # rows of a training file that wait for the stream's own, to be put into their order
MONITOR = "monitor"


class SavedMonitor(msgspec.Struct, kw_only=True):
    """The detectors' states in one piece, so that they always belong together."""

    format: int = FORMAT
    mark: bytes
    rows: int
    alarms_per: float
    offsets: dict[str, int]  # per detector: the monitor's row at which the detector's own count began
    detectors: dict[str, bytes]


def encode_saved(saved: SavedMonitor) -> bytes:
    """Give the states the form in which they are stored."""
    return msgspec.msgpack.encode(saved)


def decode_saved(stored: bytes) -> SavedMonitor:
    """Read stored states. Raises ValueError for those of another version, or damaged ones."""
    try:
        saved = msgspec.msgpack.decode(stored, type=SavedMonitor)
    except msgspec.MsgspecError as error:
        raise ValueError(f"the stored state is of another version or damaged: {error}") from error
    if saved.format != FORMAT:
        raise ValueError(f"the stored state has format {saved.format}, this version reads {FORMAT}")
    return saved


def new_start_words(model: str, began_anew: Mapping[str, str]) -> tuple[str, str, str]:
    """Say that detectors (name, why) had to begin anew: a sentence, what to do, and the evidence."""
    sentence = (
        f"After a change of Driftline's version, {model} is watched from the beginning: "
        f"{', '.join(sorted(began_anew))}. What it looks like when it is well is still known."
    )
    advice = "Nothing needs to be done; acknowledge it when you have read it."
    return sentence, advice, "; ".join(sorted(set(began_anew.values())))


def decode_origin(stored: bytes) -> Origin | None:
    """Read where a reference comes from; None where that is not known."""
    try:
        return msgspec.json.decode(stored, type=Origin)
    except msgspec.MsgspecError:
        return None


class StreamStore:
    """The part of the buffer that belongs to one stream."""

    def __init__(self, store: MonitorStore, key: str) -> None:
        self._store = store
        self._key = key

    def get(self, part: str) -> bytes:
        """Return a part, empty where there is none."""
        return self._store.get_state(self._key, part) or b""

    def put(self, part: str, payload: bytes, *, lasting: bool = True) -> None:
        """Keep a part, in place of what was kept before; what is not `lasting` a power cut may take."""
        (self._store.put_state if lasting else self._store.put_checkpoint)(self._key, part, payload)

    def judged_by(self, reference: Reference, evidence: Evidence) -> tuple[str, ...]:
        """Tell the store what the stream is compared with from here on; return what is doubtful about that."""
        described = reference.describe()
        name = blake2b(reference.encode(), digest_size=6).hexdigest()
        self._store.know_reference(self._key, name, described, evidence)
        return (*reference.notes, *silent_notes(described))

    def rebase(self, step: Step) -> None:
        """Correct when the reference was learned, after the clock was set."""
        origin = self.origin()
        if origin is not None and (learned := step.moved_moment(origin.learned)) != origin.learned:
            self.put(ORIGIN, msgspec.json.encode(msgspec.structs.replace(origin, learned=learned)))

    @property
    def first_row(self) -> int:
        """The row of the stream from which the stored reference judges; 0 where that is not known."""
        stored = self.get(FIRST_ROW)
        return int(stored) if stored.isdigit() else 0

    def origin(self) -> Origin | None:
        """Say where the stored reference comes from, or last came from."""
        return decode_origin(self.get(ORIGIN))

    def reference(
        self, decode: Callable[[bytes], Reference], refit: Callable[[bytes], Reference]
    ) -> tuple[Reference | None, str]:
        """Return the stored reference, and what was wrong with it.

        One of another version is fitted anew to the rows that it was learned from, and kept; None where that fails too.
        """
        stored = self.get(REFERENCE)
        self._store.know_reference(self._key, "", ())
        if not stored:
            if not self.get(LEARNING) and not self.last_rows(1):
                self.put(LEARNING, self.mark())
            return None, ""
        try:
            return decode(stored), ""
        except ValueError as error:
            why = str(error)
        try:
            reference = refit(self.get(ROWS))
        except ValueError:
            return None, why
        self.put(REFERENCE, reference.encode())
        return reference, why

    def keep_reference(
        self, reference: bytes, rows: bytes, learned_ns: int, how: str, by: str = "", *, first_row: int = 0
    ) -> Origin:
        """Keep a new reference, which judges from `first_row` on, with a number of its own; the old one's states go."""
        before = self.origin()
        origin = Origin(
            number=before.number + 1 if before else 1, learned=utc(learned_ns), how=how, by=by, version=__version__
        )
        self.put(ROWS, rows)
        self.put(ORIGIN, msgspec.json.encode(origin))
        self.put(FIRST_ROW, str(first_row).encode())
        self.put(REFERENCE, reference)
        for part in (MONITOR, TRAINING):
            if self.get(part):
                self.put(part, b"")
        return origin

    def begin_learning(self, mark: bytes, training: bytes = b"") -> None:
        """Forget the reference; rows behind `mark` are learned from, beside those of a training file."""
        self._store.know_reference(self._key, "", ())
        self.put(LEARNING, mark)
        for part, payload in ((TRAINING, training), (MONITOR, b""), (ROWS, b""), (REFERENCE, b"")):
            if payload or self.get(part):
                self.put(part, payload)

    def mark(self) -> bytes:
        """Say how far the stored rows reach."""
        return self._store.mark()

    def rows_since(self, mark: bytes, most: int = MOST_REJUDGED) -> Iterator[Block]:
        """Yield the stored rows since a mark. Raises OSError where they cannot be read, or go on beyond `most`."""
        yielded = 0
        for block in self._store.rows_since(self._key, mark):
            if yielded >= most:
                raise OSError(f"there are more than {most:,}")
            yield block
            yielded += len(block)

    def last_rows(self, count: int, until: bytes | None = None) -> list[Block]:
        """Return the newest stored rows, or those up to a mark."""
        return self._store.last_rows(self._key, count, until)
