"""How many series one device may send, and which ones go first when there are more. Every cut is counted.

A fleet's store is sized by series per device: 10,000 devices times an unbounded label set is what brings it down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.status import SignalStatus, StreamStatus

MAX_STREAMS = 16  # models on one device; running ones and those in trouble go first
MAX_SIGNALS = 128  # signals of all streams together, four series each
WORST_SIGNALS = 16  # of these, kept for signals that the order would cut but that are on the way to an alarm
MAX_WATCHED = 32  # series of the device that are watched, such as its temperatures; those nearest to an alarm
MAX_CLASSES = 20  # predicted classes a stream; the rest add up to `other`
MAX_BUCKETS = 24  # of a latency histogram, the infinite one included
MAX_FINDINGS = 32  # groups of findings with the same labels
MAX_DESTINATIONS = 8
MAX_SENSORS = 16  # label sets of one host metric
MAX_LABEL_CHARS = 96

# What a device can send at most, whatever is configured, however many models it runs (a test holds the page to it).
MAX_SERIES = 2_048

_STATE_ORDER = {"critical": 0, "warning": 1, "ok": 2, "learning": 3, "waiting": 4, "stopped": 5}


def first_streams(streams: Sequence[StreamStatus]) -> tuple[StreamStatus, ...]:
    """Return the streams that may be sent, in their own order; those in trouble are kept before those that stopped."""
    ranked = sorted(range(len(streams)), key=lambda at: (_STATE_ORDER[streams[at].state], at))
    return tuple(streams[at] for at in sorted(ranked[:MAX_STREAMS]))


def first_signals(streams: Sequence[StreamStatus]) -> dict[str, tuple[SignalStatus, ...]]:
    """Return, per stream key, the signals that may be sent.

    Every stream has an equal share, and what one leaves over goes to the others. Within a stream the order of its
    signals decides, so that the same signals are sent all the time; a few places are kept for the worst of those that
    would be cut, so that a signal on its way to an alarm is never missing.
    """
    if sum(len(stream.signals) for stream in streams) <= MAX_SIGNALS:
        return {stream.key: stream.signals for stream in streams}
    left = MAX_SIGNALS - WORST_SIGNALS
    quota: dict[str, int] = {}
    for place, stream in enumerate(sorted(streams, key=lambda stream: len(stream.signals))):
        quota[stream.key] = min(len(stream.signals), left // (len(streams) - place))
        left -= quota[stream.key]
    beyond = [
        (signal.evidence, stream.key, at)
        for stream in streams
        for at, signal in enumerate(stream.signals)
        if at >= quota[stream.key]
    ]
    rescued = {(key, at) for _, key, at in sorted(beyond, key=lambda entry: -entry[0])[:WORST_SIGNALS]}
    return {
        stream.key: tuple(
            signal for at, signal in enumerate(stream.signals) if at < quota[stream.key] or (stream.key, at) in rescued
        )
        for stream in streams
    }


class ClassPlaces:
    """Which predicted classes of a stream have a series of their own; the others add up to `other`.

    A place once given is kept for as long as this object lives: a class that moved from `other` to a series of its own
    would make the counter `other` go backwards, which reads as a restart.
    """

    def __init__(self) -> None:
        self._places: dict[str, set[str]] = {}

    def counts(self, key: str, predictions: Sequence[tuple[str, int]]) -> tuple[dict[str, int], int]:
        """Return the counts by class and `other`, and how many classes are in `other`."""
        places = self._places.setdefault(key, set())
        for name, _ in sorted(predictions, key=lambda entry: -entry[1]):
            if len(places) < MAX_CLASSES:
                places.add(name)
        counts = {name: count for name, count in predictions if name in places}
        beyond = [count for name, count in predictions if name not in places]
        if beyond:
            counts["other"] = counts.get("other", 0) + sum(beyond)
        return counts, len(beyond)

    def forget_all_but(self, keys: frozenset[str]) -> None:
        """Let go of streams that are gone."""
        self._places = {key: places for key, places in self._places.items() if key in keys}


def fewer_buckets(buckets: Sequence[tuple[float, int]]) -> tuple[tuple[float, int], ...]:
    """Return at most MAX_BUCKETS of cumulative buckets, evenly chosen and the last among them.

    A cumulative bucket may be left out without touching the others.

    >>> len(fewer_buckets([(float(bound), bound) for bound in range(60)]))
    20
    """
    step = -(-len(buckets) // MAX_BUCKETS)
    return tuple(buckets[::-1][:: max(step, 1)][::-1])


def label_text(value: str) -> str:
    """Return what may stand as a label's value: not empty, not endless, valid UTF-8.

    >>> label_text("")
    'unknown'
    >>> label_text("x" * 200)[-3:]
    'xx…'
    """
    text = value.encode("utf-8", "replace").decode("utf-8")
    if len(text) > MAX_LABEL_CHARS:
        text = text[: MAX_LABEL_CHARS - 1] + "…"
    return text or "unknown"
