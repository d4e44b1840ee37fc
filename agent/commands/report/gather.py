"""Puts a report's job together: the stream, the rows of its window, what they are compared with, and the findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from agent import __version__
from agent.clock import utc
from agent.commands.report.rows import Stored, fetch, findings_of, signals_of, stored_streams
from agent.disk_watch import KIND
from agent.notices import AGENT
from detectors.reference import Reference, decode_reference
from detectors.statistics import BASE
from exporters.report.document import Baseline, Window
from exporters.report.job import Job, Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.commands.report.source import Source
    from agent.commands.spans import Span
    from agent.model import Signal
    from exporters.report.config import ReportConfig

LEAST_ROWS = 30  # fewer say nothing about a distribution
REFERENCE = "reference"


class NothingToReportError(Exception):
    """There is no data for the report that was asked for; the message says what there is."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for: a window, and what to compare it with: None is the stored reference."""

    span: Span
    earlier_s: float | None
    now_ns: int


def choose_streams(source: Source, span: Span, chosen: str | None) -> list[Stored]:
    """Return the stream called `chosen` (its key, or its model where that is one stream), or all of the window.

    Raises NothingToReportError.
    """
    found = stored_streams(source, span)
    if chosen is None:
        if not found:
            raise NothingToReportError("no inference is stored in that window; a longer --since may hold some")
        return list(found.values())
    if chosen in found:
        return [found[chosen]]
    same = [stored for stored in found.values() if stored.stream.model == chosen]
    if len(same) == 1:
        return same
    listed = ", ".join(found) or "none"
    what = f"{len(same)} model files are called {chosen!r}" if same else f"no stream is called {chosen!r}"
    raise NothingToReportError(f"{what}; in that window the buffer has: {listed}")


def gather(source: Source, stored: Stored, wish: Wish, config: ReportConfig) -> tuple[Job, Rows]:
    """Fetch everything that one report needs.

    Raises NothingToReportError where there are too few rows or no reference, and what the source raises.
    """
    key = stored.stream.key
    reference = _reference(source, key)
    if reference is None and wish.earlier_s is None:
        raise NothingToReportError(
            f"{key} has no reference yet: it is still being learned, or was not kept; "
            "compare with an earlier window instead, for example --against 1h"
        )
    signals = reference.signals if reference else signals_of(source, stored.stream, wish.span)
    current = fetch(source, stored, signals, wish.span)
    _enough(len(current.time_ns), stored.good, f"{key} in the window")
    if wish.earlier_s is None:
        assert reference is not None
        rows, before = reference.sample, None
    else:
        span = wish.span.earlier(wish.earlier_s)
        earlier = stored_streams(source, span).get(key, Stored(stored.stream, 0, 0))
        page = fetch(source, earlier, signals, span)
        _enough(len(page.time_ns), earlier.good, f"{key} in the earlier window")
        rows, before = page.values, _window(span, earlier, len(page.time_ns))
    baseline = Baseline(
        kind="reference" if before is None else "window",
        compared=len(rows),
        window=before,
        learned_rows=reference.rows if reference else None,
        notes=reference.notes if reference else (),
    )
    job = Job(
        generated=utc(wish.now_ns),
        driftline_version=__version__,
        site=source.site,
        device=source.device,
        stream=stored.stream,
        key=key,
        window=_window(wish.span, stored, len(current.time_ns)),
        baseline=baseline,
        storage=tuple(found for found in findings_of(source, AGENT, wish.span) if found.kind == KIND),
        keeping=source.keeping(),
        unread=source.notes,
        signals=tuple(signals),
        findings=tuple(findings_of(source, stored.stream, wish.span)),
        independent_rows=_independent(signals, reference),
        memory_limit_mib=config.memory_limit_mib,
    )
    return job, Rows(current.values, current.time_ns, np.asarray(rows, np.float32))


def _reference(source: Source, key: str) -> Reference | None:
    stored = source.reference(key)
    if stored is None:
        return None
    try:
        return decode_reference(stored)
    except ValueError as error:
        raise NothingToReportError(f"the stored reference of {key} cannot be read: {error}") from error


def _enough(rows: int, stored: int, where: str) -> None:
    if rows < LEAST_ROWS:
        raise NothingToReportError(f"only {stored} inferences of {where}; a report needs {LEAST_ROWS}")


def _window(span: Span, stored: Stored, compared: int) -> Window:
    return Window(
        start=utc(span.start_ns), end=utc(span.end_ns), stored=stored.good, compared=compared, failed=stored.failed
    )


def _independent(signals: Sequence[Signal], reference: Reference | None) -> dict[str, int]:
    if reference is None:
        return {}
    return {
        signal.name: int(length) * BASE for signal, length in zip(signals, reference.lengths, strict=True) if length
    }
