# ruff: noqa: S608  # every name that is put into a statement here is one of ours
"""What the stored minutes say of a model over a span: tallies of even spans, kept while nothing is added to them.

Runs on a connection that `agent.buffer.query.reading` gives, in a thread of its own: nothing waits for it. A minute's
histogram is unpacked once, 40 µs each; the next question reads the newest spans alone.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from agent.model import Signal, Stream
from agent.tally import HIGHEST, LOWEST, Tally, add, place, trimmed

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

    from agent.summary import Summary

    Tile = tuple[int, int, int, int]  # segment, stream, length in ns, and number of that length since 1970

MOST_TILES = 4_096  # of all streams: a week of one takes 672, of 1 to 2 kB each
_PREDICTION = "prediction"
_FETCH_ROWS = 500
_CHUNK_NS = 2 * 86_400 * 10**9  # read at once: what a question may take of DuckDB's memory, the writer lacks
_CHOSEN = "FROM stored_minutes WHERE model = $1 AND began >= $2 AND number <= $3"
_TILES = (
    "SELECT segment, stream, began // $4 AS tile, count(*), max(number), min(number), any_value(version), "
    "any_value(sha256), any_value(runtime), any_value(provider), any_value(pid) "
    f"{_CHOSEN} GROUP BY segment, stream, tile"
)
_PART = f"{_CHOSEN} AND began < $4 AND number >= $5"
_SCHEMAS = f'SELECT segment, "schema", any_value(signals) {_CHOSEN} GROUP BY segment, "schema"'
_RECORDS = f'SELECT segment, stream, began, seconds, inferences, failed, "schema", record {_PART}'
_MEANS = (
    f'WITH chosen AS MATERIALIZED (SELECT segment, number, stream, "schema", began // $6 AS tile '
    f"{_PART}) "
    'SELECT segment, stream, tile, "schema", place, sum(count)::BIGINT, sum(count * mean) '
    "FROM (SELECT * FROM stored_signals WHERE number >= $5 AND number <= $3) JOIN chosen USING (segment, number) "
    'GROUP BY segment, stream, tile, "schema", place'
)

_signals = msgspec.json.Decoder(tuple[Signal, ...])


class _Record(msgspec.Struct, frozen=True, array_like=True):
    """What `agent.buffer.summaries` packs; what is not of use here as it came."""

    statuses: msgspec.Raw
    latency: msgspec.Raw
    first_bucket: int
    buckets: list[int]
    reference: str
    bins: msgspec.Raw
    evidence: dict[str, float] = {}


_decoder = msgspec.msgpack.Decoder(_Record)
_bins = msgspec.msgpack.Decoder(list[list[int]])


class _Kept(NamedTuple):
    minutes: int
    last_number: int
    tally: Tally


class History:
    """Reads the stored minutes of one buffer. One thread at a time."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Tile, _Kept] = OrderedDict()

    def read(
        self, cursor: DuckDBPyConnection, model: str, since_ns: int, step_ns: int, last_number: int
    ) -> dict[tuple[Stream, int], Tally]:
        """Read the minutes of a model from a moment on, those up to a number, in spans of `step_ns`.

        A span is numbered by how many of its length have passed since 1970. Raises duckdb.Error.
        """
        streams: dict[tuple[int, int], Stream] = {}
        spans: dict[Tile, tuple[int, int]] = {}
        new: dict[int, dict[Tile, tuple[int, int]]] = {}  # by chunk: the first and the last number of a span
        cursor.execute(_TILES, (model, since_ns, last_number, step_ns))
        for segment, stream, tile, minutes, newest, oldest, *identity in cursor.fetchall():
            version, sha256, runtime, provider, pid = identity
            streams[segment, stream] = Stream(
                model=model, version=version, sha256=sha256, runtime=runtime, provider=provider, pid=pid
            )
            spans[segment, stream, step_ns, tile] = (minutes, newest)
            if not self._has((segment, stream, step_ns, tile), (minutes, newest)):
                new.setdefault(tile * step_ns // _CHUNK_NS, {})[segment, stream, step_ns, tile] = (oldest, newest)
        signals: dict[tuple[int, int], list[str]] = {}
        if new:
            cursor.execute(_SCHEMAS, (model, since_ns, last_number))
            for segment, schema, text in cursor.fetchall():
                signals[segment, schema] = [signal.name for signal in _signals.decode(text)]
        for chunk, wanted in new.items():
            began, ended = max(since_ns, chunk * _CHUNK_NS), (chunk + 1) * _CHUNK_NS
            first, last = min(oldest for oldest, _ in wanted.values()), max(newest for _, newest in wanted.values())
            making = self._unpack(cursor, (model, began, last, ended, first), step_ns, wanted, signals)
            self._kept.update((key, _Kept(*spans[key], tally.done())) for key, tally in making.items())
        tallies: dict[tuple[Stream, int], list[Tally]] = {}
        for key in spans:
            segment, stream, _, tile = key
            self._kept.move_to_end(key)
            tallies.setdefault((streams[segment, stream], tile), []).append(self._kept[key].tally)
        while len(self._kept) > max(MOST_TILES, len(spans)):
            self._kept.popitem(last=False)
        return {key: add(some) for key, some in tallies.items()}

    def _has(self, tile: Tile, holds: tuple[int, int]) -> bool:
        kept = self._kept.get(tile)
        return kept is not None and kept[:2] == holds

    def _unpack(
        self, cursor: DuckDBPyConnection, part: tuple[str, int, int, int, int], step_ns: int, wanted: Container[Tile],
        signals: Mapping[tuple[int, int], list[str]],
    ) -> dict[Tile, _Making]:  # fmt: skip
        """Make the tallies that are wanted, of minutes of a time and of some numbers."""
        making: dict[Tile, _Making] = {}
        cursor.execute(_RECORDS, part)
        while rows := cursor.fetchmany(_FETCH_ROWS):
            for segment, stream, began, seconds, inferences, failed, schema, record in rows:
                key = (segment, stream, step_ns, began // step_ns)
                if key in wanted:
                    tally = making.setdefault(key, _Making())
                    tally.take(began, seconds, inferences, failed, signals[segment, schema], record)
        cursor.execute(_MEANS, (*part, step_ns))
        for segment, stream, tile, schema, at, count, total in cursor.fetchall():
            if (segment, stream, step_ns, tile) in making:
                making[segment, stream, step_ns, tile].note(signals[segment, schema][at], count, total)
        return making


def tally_of(summary: Summary) -> Tally:
    """Give the tally of a minute that is not stored yet."""
    making = _Making()
    for bucket, count in summary.buckets.items():
        place(making.wide, bucket, [count])
    bins = next((signal.bins for signal in summary.signals if signal.name == _PREDICTION), ())
    making.count(summary.time_ns, summary.seconds, summary.inferences, summary.failed, summary.evidence.values())
    making.classify(summary.reference, bins)
    for signal in summary.signals:
        making.note(signal.name, signal.moments.count, signal.moments.count * signal.moments.mean)
    return making.done()


class _Making:
    """A tally that grows by one minute after the other."""

    def __init__(self) -> None:
        self.wide = np.zeros(HIGHEST - LOWEST + 1, np.int64)
        self._inferences = self._failed = 0
        self._evidence: float | None = None
        self._classes: dict[str, NDArray[np.int64]] = {}
        self._means: dict[str, tuple[int, float]] = {}
        self._began_ns, self._ended_ns, self._span_s = 2**63 - 1, 0, 0.0

    def take(
        self, began_ns: int, seconds: float, inferences: int, failed: int, signals: list[str], record: bytes
    ) -> None:
        packed = _decoder.decode(zlib.decompress(record))
        self.count(began_ns, seconds, inferences, failed, packed.evidence.values())
        place(self.wide, packed.first_bucket, packed.buckets)
        if packed.reference and _PREDICTION in signals:
            bins = _bins.decode(packed.bins)
            at = signals.index(_PREDICTION)
            self.classify(packed.reference, bins[at] if at < len(bins) else ())

    def count(self, began_ns: int, seconds: float, inferences: int, failed: int, evidence: Iterable[float]) -> None:
        self._inferences += inferences
        self._failed += failed
        self._began_ns = min(self._began_ns, began_ns)
        self._ended_ns = max(self._ended_ns, began_ns + round(seconds * 1e9))
        self._span_s = max(self._span_s, seconds)
        highest = max(evidence, default=None)
        if highest is not None:
            self._evidence = max(highest, self._evidence or 0.0)

    def classify(self, reference: str, bins: Iterable[int]) -> None:
        counts = np.array(bins, np.int64)
        known = self._classes.get(reference)
        if len(counts):
            self._classes[reference] = counts if known is None or len(known) != len(counts) else known + counts

    def note(self, signal: str, count: int, total: float | None) -> None:
        before, of_before = self._means.get(signal, (0, 0.0))
        self._means[signal] = (before + count, of_before + (total or 0.0))

    def done(self) -> Tally:
        return Tally(
            self._inferences, self._failed, *trimmed(self.wide), self._evidence, self._classes, self._means,
            self._began_ns, self._ended_ns, self._span_s,
        )  # fmt: skip
