"""What an agent would answer to the dashboard's questions beyond its status, made of the status that it gave.

A stream whose signals moved has shapes that moved, slower moments and a finding in its history; names are taken over as
they are, hostile ones too.
"""

from __future__ import annotations

import itertools
import math
import random
from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from agent.screen import Answer, Answers, Around, LogLine, Moment, Shape, StreamView, Version
from agent.status import EventLine

if TYPE_CHECKING:
    from agent.model import Finding
    from agent.screen import Zoom
    from agent.status import SignalStatus, Status, StreamStatus

SPAN_S: dict[Zoom, float] = {"5m": 300.0, "1h": 3_600.0, "24h": 86_400.0, "7d": 604_800.0}
MOMENTS = 60
CELLS = 20
CHANGED = 45  # the moment from which on a stream that alarms is worse
GAP = range(20, 23)  # moments in which nothing ran
BOUNDS = tuple(1e-4 * 2 ** (step / 2) for step in range(28))  # of the latency, in seconds
DIGITS = tuple(str(digit) for digit in range(10))


def stream_view(status: Status, stream: StreamStatus, zoom: Zoom) -> StreamView:
    """Give a stream over a span."""
    step = SPAN_S[zoom] / MOMENTS
    began = status.time - timedelta(seconds=SPAN_S[zoom])
    troubled = stream.state in {"warning", "critical"}
    latency = stream.latency_p50_s or 3.2e-3
    moments = []
    for at in range(MOMENTS):
        worse = troubled and at >= CHANGED
        running = stream.inferences > 0 and at not in GAP
        swing = 1 + 0.1 * math.sin(at / 4)
        moments.append(
            Moment(
                time=began + timedelta(seconds=at * step), seconds=step,
                inferences=round(stream.rate * step) if running else 0, failed=worse * 3,
                latency_p50_s=latency * swing if running else None,
                latency_p99_s=3 * latency * swing if running else None,
                confidence=(stream.confidence or 0.96) + (0.0 if worse or not troubled else 0.2) if running else None,
                evidence=(1.0 if worse else 0.1) if running and stream.signals else None,
            )
        )  # fmt: skip
    shapes = tuple(_shape(signal) for signal in stream.signals)
    return StreamView(
        key=stream.key,
        zoom=zoom,
        time=status.time,
        moments=tuple(moments),
        latency=_latency(latency),
        latency_before=_latency(latency / 3 if troubled and latency > 10e-3 else latency) if shapes else (),
        shapes=shapes,
        versions=_versions(status, stream) if stream.inferences else (),
    )


def answers(status: Status, stream: StreamStatus, most: int) -> Answers:
    """Give the newest recorded inferences of a stream: some with a label, some without an id, one that failed."""
    chance = random.Random(11)
    signals = tuple(signal.signal.name for signal in stream.signals)
    classes = tuple(name for name, _ in stream.predictions) or DIGITS
    rows = []
    for at in range(min(most, stream.inferences, 1_000)):
        said, failed = classes[at * 3 % len(classes)], at == 5
        truth = classes[at % len(classes)] if at % 7 == 0 else ""
        rows.append(
            Answer(
                id="" if at % 11 == 10 else f"{0x1F00 + at:016x}",
                time=status.time - timedelta(seconds=0.37 * at),
                said="" if failed else said,
                confidence=None if failed else round(chance.uniform(0.5, 0.99), 3),
                latency_s=chance.uniform(0.8, 1.4) * (stream.latency_p50_s or 3.2e-3),
                status=int(failed),
                truth=truth,
                right=truth == said if truth else None,
                values=tuple(None if failed else round(chance.gauss(1.0, 0.1), 3) for _ in signals),
            )
        )
    return Answers(stream=stream.stream, signals=signals, answers=tuple(rows), classes=classes, sampled=len(rows) > 100)


def around(status: Status, finding: Finding) -> Around:
    """Give what is stored around a finding."""
    stream = next((one for one in status.streams if one.key == finding.stream.key), None)
    rows = Answers(stream=finding.stream, signals=(), answers=())
    if stream is not None:
        rows = answers(status, stream, 40)
        late = timedelta(seconds=(status.time - finding.onset).total_seconds() - 10)
        rows = replace(rows, answers=tuple(replace(row, time=row.time - late) for row in rows.answers))
    name = finding.stream.model
    events = (
        EventLine(finding.onset - timedelta(minutes=9), f"{name}: reference learned from 1,000 inferences"),
        EventLine(finding.onset - timedelta(seconds=40), "this device: clock set by 0.8 s"),
        EventLine(finding.opened, f"{name}: open: {finding.severity}: {finding.sentence}"),
    )
    return Around(finding=finding, rows=rows, events=events)


def log(status: Status) -> list[LogLine]:
    """Give the agent's log: what it says at its start, and what parts that are not well say."""
    lines = [
        ("INFO", "agent", f"driftline agent {status.agent.version} ready in {status.agent.ready_s:.1f} s"),
        ("INFO", "buffer", f"{status.buffer.rows:,} inferences are stored in {status.buffer.path}"),
        *(
            ("INFO", "rings", f"{stream.stream.model}: attached to pid {stream.stream.pid}")
            for stream in status.streams
        ),
        *(("ERROR", part.name, part.note) for part in status.agent.parts if not part.ok),
        ("WARNING", "forwarding", "central: does not answer (connection refused); trying again in 30 s"),
    ]
    began = status.agent.started
    return [
        LogLine(number=at, time=began + timedelta(seconds=at), level=level, part=part, text=text)
        for at, (level, part, text) in enumerate(lines, start=1)
    ]


def _shape(status: SignalStatus) -> Shape:
    """Give a bell around the mean of the reference, and one around what it is now."""
    signal, effect = status.signal, status.effect
    before = 1.0 if effect is None or effect.reference_mean is None else effect.reference_mean
    now = before if effect is None or effect.recent_mean is None else effect.recent_mean
    width = max(abs(before) / 8, 1e-6)
    low, high = min(before, now) - 3 * width, max(before, now) + 3 * width
    edges = tuple(low + (high - low) * step / CELLS for step in range(CELLS + 1))
    return Shape(
        name=signal.name, unit=signal.unit, edges=edges, before=_bell(edges, before, width),
        now=_bell(edges, now, 1.3 * width), rows=500,
    )  # fmt: skip


def _bell(edges: tuple[float, ...], middle: float, width: float) -> tuple[float, ...]:
    def below(value: float) -> float:
        return 0.5 * (1 + math.erf((value - middle) / width / math.sqrt(2)))

    return tuple(below(high) - below(low) for low, high in itertools.pairwise(edges))


def _latency(middle: float) -> tuple[tuple[float, float], ...]:
    logs = (-math.inf, *(math.log(bound) for bound in BOUNDS))
    shares = _bell(logs, math.log(middle), 0.4)
    return tuple(zip(BOUNDS, shares, strict=True))


def _versions(status: Status, stream: StreamStatus) -> tuple[Version, ...]:
    """Give the version that runs, and one of another file and runtime that ran before."""
    total = sum(count for _, count in stream.predictions)
    means = tuple(
        (signal.signal.name, signal.effect.recent_mean)
        for signal in stream.signals
        if signal.effect is not None and signal.effect.recent_mean is not None
    )
    latency = stream.latency_p50_s or 3.2e-3
    runs = Version(
        stream=stream.stream, first=status.time - timedelta(hours=5), last=status.time, inferences=stream.inferences,
        failed=stream.errors, latency_p50_s=latency, latency_p99_s=3 * latency, confidence=stream.confidence,
        classes=tuple((name, count / total) for name, count in stream.predictions), means=means, accuracy=0.93,
    )  # fmt: skip
    older = replace(
        stream.stream, version="2", sha256="60" * 32, runtime=f"tflite-runtime 2.14 ({stream.stream.runtime})", pid=3977
    )
    ran = replace(
        runs, stream=older, first=status.time - timedelta(hours=30), last=status.time - timedelta(hours=5, minutes=2),
        inferences=4_100_000, failed=12, latency_p50_s=1.8 * latency, latency_p99_s=4.4 * latency, accuracy=None,
        means=tuple((name, mean * 1.02) for name, mean in means),
    )  # fmt: skip
    return (runs, ran)
