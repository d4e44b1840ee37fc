"""Fetches rows of one stream, thinned evenly over a window, in pages that cost the agent next to nothing.

Thinning is by a hash of the time: each inference of the window has the same chance (a row that stands for several has
as many), and the agent keeps no list. A page is a slice of time, so that every row group of the buffer is read once;
one that holds more than a page is cut in two.
"""

from __future__ import annotations

import contextlib
from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from agent.buffer.columns import column_names, quote
from agent.commands.spans import Span
from agent.model import Finding, Signal, Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from agent.commands.report.source import Source

MOST_ROWS = 5_000  # compared: a distance of .03 is seen with so many; more only makes the report slower
MOST_VALUES = 1_000_000
PAGE_VALUES = 40_000  # about 2 MB of JSON, and as much in the agent for as long as it is sent
MOST_STREAMS = 1_000
MOST_FINDINGS = 200
LEAST_NS = 1_000_000  # a slice of time that is not cut again
_OWN = (
    "time", "stream", "latency_s", "status", "model", "version", "sha256", "runtime", "provider", "pid",
    "inference_id", "weight",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stored:
    """One stream in the buffer, and how many inferences of it lie in the window; `failed` ended in an exception.

    heaviest: for how many inferences a single row stands at most, where not every row was kept.
    """

    stream: Stream
    good: int
    failed: int
    heaviest: int = 1


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the order of time: `time_ns` int64 [n], `values` float32 [n, S]."""

    time_ns: NDArray[np.int64]
    values: NDArray[np.float32]


def stored_streams(source: Source, span: Span) -> dict[str, Stored]:
    """Return the streams that have rows in the window, by key; the processes of one model file are one stream."""
    answer = source.query(
        "SELECT model, version, sha256, runtime, provider, "  # noqa: S608  # only numbers of ours
        "sum(weight) FILTER (status = 0)::BIGINT, sum(weight) FILTER (status <> 0)::BIGINT, max(weight)::BIGINT "
        f"FROM inferences WHERE {_between(span)} GROUP BY ALL ORDER BY max(time)",
        MOST_STREAMS,
    )
    found: dict[str, Stored] = {}
    for model, version, sha256, runtime, provider, good, failed, heaviest in answer["rows"]:
        stream = Stream(model=model, version=version, sha256=sha256, runtime=runtime, provider=provider)
        before = found.get(stream.key)
        more = (before.good, before.failed, before.heaviest) if before else (0, 0, 1)
        counts = (good or 0) + more[0], (failed or 0) + more[1]
        found[stream.key] = Stored(stream, *counts, max(heaviest or 1, more[2]))
    return found


def signals_of(source: Source, stream: Stream, span: Span) -> tuple[Signal, ...]:
    """Guess the signals of a stream that has no reference yet, from the columns that hold values in the window."""
    columns = [name for name in source.query("SELECT * FROM inferences LIMIT 0", 1)["columns"] if name not in _OWN]
    if not columns:
        return ()
    counts = ", ".join(f"count({quote(name)}), approx_count_distinct({quote(name)})" for name in columns)
    where = f"{_of(stream)} AND {_between(span)}"
    ((*figures,),) = source.query(f"SELECT {counts} FROM inferences WHERE {where}", 1)["rows"]  # noqa: S608  # quoted
    held = [name for at, name in enumerate(columns) if figures[2 * at]]
    return tuple(Signal(name, "input", "categorical" if name == "prediction" else "continuous") for name in held)


def findings_of(source: Source, stream: Stream, span: Span) -> list[Finding]:
    """Return the stream's findings that were open at some time in the window, at most the newest MOST_FINDINGS.

    What another version wrote and this one cannot read is left out, as the agent does with its own.
    """
    answer = source.query(
        f"SELECT record FROM findings WHERE model = {_text(stream.model)} "  # noqa: S608  # quoted
        f"AND opened < make_timestamp_ns({span.end_ns}) "
        f"AND (closed IS NULL OR closed >= make_timestamp_ns({span.start_ns})) ORDER BY opened DESC",
        MOST_FINDINGS,
    )
    found = []
    for (record,) in answer["rows"]:
        with contextlib.suppress(msgspec.MsgspecError):
            found.append(msgspec.json.decode(record, type=Finding))
    return [finding for finding in found if finding.stream.key == stream.key]


def fetch(source: Source, stored: Stored, signals: Sequence[Signal], span: Span) -> Page:
    """Return at most about MOST_ROWS rows of a stream that did not fail.

    Raises ValueError where the buffer refuses, and what the source raises.
    """
    wanted = max(1, min(MOST_ROWS, MOST_VALUES // max(1, len(signals))))
    every = max(stored.heaviest, -(-stored.good // wanted))
    page_rows = max(50, PAGE_VALUES // max(1, len(signals)))
    known = set(source.query("SELECT * FROM inferences LIMIT 0", 1)["columns"])
    names = column_names(signal.name for signal in signals)
    picked = "".join(f", {quote(name) if name in known else 'NULL'}" for name in names)
    parts = max(1, -(-stored.good // (every * page_rows)))
    edges = [span.start_ns + (span.end_ns - span.start_ns) * at // parts for at in range(parts + 1)]
    waiting = deque(Span(start, end) for start, end in pairwise(edges))
    rows: list[list[Any]] = []
    while waiting:
        part = waiting.popleft()
        answer = source.query(
            f"SELECT epoch_ns(time){picked} FROM inferences WHERE {_of(stored.stream)} AND {_between(part)} "  # noqa: S608  # quoted
            f"AND status = 0 AND hash(epoch_ns(time)) % {every} < weight ORDER BY time",
            2 * page_rows,
        )
        if answer["truncated"] and part.end_ns - part.start_ns > LEAST_NS:
            middle = (part.start_ns + part.end_ns) // 2
            waiting.extendleft((Span(middle, part.end_ns), Span(part.start_ns, middle)))
            continue
        rows += answer["rows"]
    times = np.array([row[0] for row in rows], np.int64)
    values = np.array([row[1:] for row in rows], np.float64).reshape(len(rows), len(signals))
    return Page(times, values.astype(np.float32))


def _between(span: Span) -> str:
    return f"time >= make_timestamp_ns({int(span.start_ns)}) AND time < make_timestamp_ns({int(span.end_ns)})"


def _of(stream: Stream) -> str:
    """Condition on the identity that a reference belongs to, whatever process served it."""
    tag = "left(sha256, 12) = " + _text(stream.sha256[:12])
    if not stream.sha256:
        tag = f"sha256 = '' AND version = {_text(stream.version)}"
    return f"model = {_text(stream.model)} AND {tag}"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
