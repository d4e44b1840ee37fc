"""Puts one stream's picture over a span together, of what memory knows and of what is stored."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from msgspec.structs import replace

from agent.clock import utc
from agent.pulse import STEP_NS
from agent.screen import Moment, StreamView, Version
from agent.shapes import shapes
from agent.summary import GAMMA, LEAST_S
from agent.tally import Tally, add

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from agent.model import Stream
    from agent.present import Present
    from agent.screen import Zoom

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
CELLS = 28  # of the latency's distribution
MOST_CLASSES = 20
OUTSIDE = 0.001  # share of the latencies that may lie in the outermost cell at either end


class Span(NamedTuple):
    """How a zoom is drawn: `moments` of `step_ns`, each of tallies of `tile_ns`."""

    moments: int
    step_ns: int
    tile_ns: int


SPANS: dict[Zoom, Span] = {
    "5m": Span(60, STEP_NS, MINUTE_NS),
    "1h": Span(60, MINUTE_NS, MINUTE_NS),
    "24h": Span(96, 15 * MINUTE_NS, 15 * MINUTE_NS),
    "7d": Span(84, 120 * MINUTE_NS, 15 * MINUTE_NS),
}


class Past(NamedTuple):
    """What is stored of a model, and what waits to be, over a span: by stream and tile.

    A tile is numbered by how many of its length have passed since 1970. classes: by stream's key and reference, what
    each bin of the prediction is called. accuracy: by stream's key.
    """

    tallies: Mapping[tuple[Stream, int], Tally]
    classes: Mapping[tuple[str, str], Sequence[str]]
    accuracy: Mapping[str, float]


def since_ns(zoom: Zoom, now_ns: int) -> int:
    """Return when the first moment of a zoom begins."""
    span = SPANS[zoom]
    return (now_ns // span.step_ns - span.moments + 1) * span.step_ns


def stream_view(here: Present, zoom: Zoom, past: Past) -> StreamView:
    """Draw a stream."""
    mine: dict[int, list[Tally]] = {}
    for (stream, tile), tally in past.tallies.items():
        if stream.key == here.key:
            mine.setdefault(tile, []).append(tally)
    whole = add(tally for tallies in mine.values() for tally in tallies)
    names = {"prediction": here.classes}
    latency = [at for at, s in enumerate(here.signals) if s.role == "runtime" and s.name.startswith("latency")]
    before = here.before[:, latency[0]] if latency and len(here.before) else np.zeros(0, np.float32)
    now, then = _distributions(whole, before[np.isfinite(before)])
    return StreamView(
        key=here.key,
        zoom=zoom,
        time=utc(here.now_ns),
        moments=_beats(here) if zoom == "5m" else _moments(here, SPANS[zoom], mine),
        latency=now,
        latency_before=then,
        shapes=shapes(here.signals, here.before, here.now, names) if len(here.now) else (),
        versions=_versions(here, past),
    )


def _beats(here: Present) -> tuple[Moment, ...]:
    found = []
    for number, start, seconds in _steps(here, SPANS["5m"]):
        beat = here.beats.get(number)
        if beat is None:
            found.append(Moment(time=utc(start), seconds=seconds, inferences=0))
            continue
        p50, p99 = beat.quantiles(0.5, 0.99)
        count, total = beat.confidence
        found.append(
            Moment(
                time=utc(start), seconds=seconds, inferences=beat.inferences, failed=beat.failed, latency_p50_s=p50,
                latency_p99_s=p99, confidence=total / count if count else None, evidence=_share(beat.evidence),
            )
        )  # fmt: skip
    return tuple(found)


def _moments(here: Present, span: Span, mine: Mapping[int, Sequence[Tally]]) -> tuple[Moment, ...]:
    tiles, newest = span.step_ns // span.tile_ns, here.now_ns // span.step_ns
    parts: dict[int, list[Tally]] = {}
    for tile, tallies in mine.items():
        for tally in tallies:
            # A summary of a thinned buffer covers several moments.
            covered = max(1, min(round(tally.span_s * 1e9 / span.step_ns), newest - tile // tiles + 1))
            for at in range(covered):
                parts.setdefault(tile // tiles + at, []).append(tally.part(covered, at) if covered > 1 else tally)
    found = []
    for number, start, seconds in _steps(here, span):
        tally = add(parts.get(number, ()))
        found.append(
            Moment(
                time=utc(start), seconds=seconds, inferences=tally.inferences, failed=tally.failed,
                latency_p50_s=tally.quantile(0.5), latency_p99_s=tally.quantile(0.99),
                confidence=tally.mean("confidence"), evidence=_share(tally.evidence),
            )
        )  # fmt: skip
    return tuple(found)


def _steps(here: Present, span: Span) -> list[tuple[int, int, float]]:
    """List the steps of a span, oldest first: number, start and seconds; the last is as long as it has been."""
    newest = here.now_ns // span.step_ns
    steps = range(newest - span.moments + 1, newest + 1)
    left_s = max((here.now_ns - newest * span.step_ns) / 1e9, 1.0)
    return [(step, step * span.step_ns, left_s if step == newest else span.step_ns / 1e9) for step in steps]


def _distributions(
    whole: Tally, before: NDArray[np.float32]
) -> tuple[tuple[tuple[float, float], ...], tuple[tuple[float, float], ...]]:
    """Give the shares of latencies now and before, in the same cells, whose bounds grow evenly."""
    buckets = np.arange(whole.first, whole.first + len(whole.counts))
    places = np.ceil(np.log(np.maximum(before, LEAST_S)) / math.log(GAMMA)).astype(np.int64)
    sides = [(buckets, whole.counts), np.unique(places, return_counts=True)]
    held = [(at[_within(counts)], at[-1]) for at, counts in sides if counts.sum()]
    if not held:
        return (), ()
    low, high = min(int(inner[0]) for inner, _ in held), max(int(inner[-1]) for inner, _ in held)
    wide = max(1, -(-(high - low + 1) // CELLS))
    ends = list(range(low + wide - 1, high + wide, wide))
    ends[-1] = max(ends[-1], *(int(last) for _, last in held))
    found = []
    for at, counts in sides:
        total = counts.sum()
        shares = (np.bincount(np.searchsorted(ends, at), counts, len(ends)) / total).tolist() if total else []
        found.append(tuple((GAMMA**end, share) for end, share in zip(ends, shares, strict=False)))
    return found[0], found[1]


def _within(counts: NDArray[np.int64]) -> slice:
    cumulated, total = np.cumsum(counts), counts.sum()
    first = int(np.searchsorted(cumulated, OUTSIDE * total, side="right"))
    last = int(np.searchsorted(cumulated, (1 - OUTSIDE) * total))
    return slice(first, max(first, last) + 1)


def _versions(here: Present, past: Past) -> tuple[Version, ...]:
    """Describe each identity that ran under the model's name; processes of the same are one."""
    groups: dict[Stream, list[tuple[Stream, Tally]]] = {}
    for (stream, _), tally in past.tallies.items():
        groups.setdefault(replace(stream, pid=0), []).append((stream, tally))
    found = []
    for identity, some in groups.items():
        tally = add(one for _, one in some)
        pid = max(some, key=lambda one: one[1].ended_ns)[0].pid
        runs = here.stream is not None and replace(here.stream, pid=0) == identity
        found.append(
            Version(
                stream=replace(identity, pid=pid), first=utc(tally.began_ns),
                last=utc(min(tally.ended_ns, here.now_ns)), inferences=tally.inferences, failed=tally.failed,
                latency_p50_s=tally.quantile(0.5), latency_p99_s=tally.quantile(0.99),
                confidence=tally.mean("confidence"),
                classes=_classes(here if runs else None, identity.key, tally, past),
                means=tuple((name, mean) for name in tally.means if (mean := tally.mean(name)) is not None),
                accuracy=past.accuracy.get(identity.key),
            )
        )  # fmt: skip
    current = None if here.stream is None else replace(here.stream, pid=0)
    return tuple(sorted(found, key=lambda one: (replace(one.stream, pid=0) == current, one.last), reverse=True))


def _classes(here: Present | None, key: str, tally: Tally, past: Past) -> tuple[tuple[str, float], ...]:
    """Give the mix of the classes, of the minutes whose bins are known; else of what runs, since the start."""
    counts: dict[str, int] = {}
    for reference, bins in tally.classes.items():
        names = past.classes.get((key, reference), ())
        for name, count in zip(names, bins.tolist(), strict=False):
            counts[name] = counts.get(name, 0) + count
    if not sum(counts.values()) and here is not None:
        classes = here.classes
        for number, count in here.predictions:
            at = int(number)
            counts[classes[at] if 0 <= at < len(classes) else number] = count
    total = sum(counts.values())
    ranked = sorted(((name, count) for name, count in counts.items() if count), key=lambda one: -one[1])
    return tuple((name, count / total) for name, count in ranked[:MOST_CLASSES])


def _share(evidence: float | None) -> float | None:
    return None if evidence is None else min(1.0, max(0.0, evidence))
