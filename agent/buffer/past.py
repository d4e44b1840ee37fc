"""What the dashboard asks of the files: the past of a model, its labels, and what its references' bins are called."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from agent.buffer.history import History, tally_of
from agent.buffer.outgoing.references import PART, known_of
from agent.buffer.query import QueryError, TooLargeError, reading
from agent.stream_views import SPANS, Past
from agent.summary import bin_edges
from agent.tally import add

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from duckdb import DuckDBPyConnection

    from agent.buffer.query import Source
    from agent.model import Stream
    from agent.present import Present
    from agent.summary import Summary
    from agent.tally import Tally

    T = TypeVar("T")

TIME_LIMIT_S = 20.0  # on a slow card; on a fast one it is a fraction of a second
ATTEMPTS = 3  # a question is broken off where the files have to be closed
OTHER = "other"
_REFERENCES = "SELECT stream_key, payload FROM core.states WHERE part = $1 AND list_contains($2, stream_key)"
_ACCURACY = (
    'SELECT "key", avg((error = 0)::INTEGER) FROM labels WHERE model = $1 AND inferred >= make_timestamp_ns($2) '
    'GROUP BY "key" HAVING bool_and(error IN (0, 1))'
)


class PastReader:
    """Reads an open buffer. One thread at a time; raises QueryError where it cannot."""

    def __init__(self, buffer: Source) -> None:
        self._buffer = buffer
        self._history = History()

    def read(self, here: Present, since_ns: int, tile_ns: int, last: int, waiting: Sequence[Summary]) -> Past:
        """Read a model's past in tiles: what files have of it up to a number, and the minutes that `waiting` are."""
        stored, references, accuracy = self.ask(lambda cursor: self._ask(cursor, here.model, since_ns, tile_ns, last))
        tallies = {at: [tally] for at, tally in stored.items()}
        for summary in waiting:
            if summary.time_ns >= since_ns:
                tallies.setdefault((summary.stream, summary.time_ns // tile_ns), []).append(tally_of(summary))
        keys = {stream.key for stream, _ in tallies}
        classes = {
            (key, name): _bin_names(edges, here.names.get(key, ())) for key, name, edges in references if key in keys
        }
        return Past({at: add(some) for at, some in tallies.items()}, classes, accuracy)

    def unpack(self, model: str, since_ns: int, last: int) -> None:
        """Read a model's minutes since a moment in advance; where that is not possible, whoever asks will hear why."""
        with suppress(QueryError):
            self.ask(lambda cursor: self._history.read(cursor, model, since_ns, SPANS["7d"].tile_ns, last))

    def ask(self, question: Callable[[DuckDBPyConnection], T]) -> T:
        """Ask on a connection of its own, again where it was broken off."""
        for _ in range(ATTEMPTS - 1):
            try:
                with reading(self._buffer, TIME_LIMIT_S) as cursor:
                    return question(cursor)
            except TooLargeError:
                continue
        with reading(self._buffer, TIME_LIMIT_S) as cursor:
            return question(cursor)

    def _ask(
        self, cursor: DuckDBPyConnection, model: str, since_ns: int, tile_ns: int, last: int
    ) -> tuple[dict[tuple[Stream, int], Tally], list[tuple[str, str, Sequence[float]]], dict[str, float]]:
        stored = self._history.read(cursor, model, since_ns, tile_ns, last)
        keys = sorted({stream.key for stream, _ in stored})
        references: list[tuple[str, str, Sequence[float]]] = []
        for key, payload in cursor.execute(_REFERENCES, (PART, keys)).fetchall():
            for name, signals in known_of(payload).items():
                predicted = [one for one in signals if one.signal.name == "prediction"]
                references += [(key, name, bin_edges(one.quantiles, one.categories)) for one in predicted]
        accuracy = dict(cursor.execute(_ACCURACY, (model, since_ns)).fetchall())
        return stored, references, accuracy


def _bin_names(edges: Sequence[float], classes: Sequence[str]) -> list[str]:
    """Name the bins of a prediction: of n classes there are 2 n + 1 bins, every second one of a class."""
    named = [classes[int(code)] if 0 <= code < len(classes) else f"{code:g}" for code in edges]
    return [named[at // 2] if at % 2 else OTHER for at in range(2 * len(edges) + 1)]
