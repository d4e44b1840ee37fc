"""Statuses as an agent makes them, for tests of what leaves the device. Built from the records themselves."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from agent.model import Cause, Effect, Finding, Reading, Signal, Stream
from agent.status import AgentStatus, BufferStatus, SignalStatus, Status, StreamStatus

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BOUNDS = (*(step * 10.0**decade for decade in range(-5, 2) for step in (1, 2, 5)),)
HOST = (
    Reading("system.cpu.utilization", "1", 0.42, 0),
    Reading("system.memory.utilization", "1", 0.61, 0, (("state", "used"),)),
    Reading("hw.temperature", "Cel", 58.5, 0, (("sensor", "cpu-thermal"),)),
    Reading("hw.temperature", "Cel", 47.0, 0, (("sensor", "nvme"),)),
    Reading("process.cpu.utilization", "1", 0.2, 0, (("model", "meter-reader"), ("pid", "71"))),
    Reading("process.cpu.utilization", "1", 0.3, 0, (("model", "meter-reader"), ("pid", "72"))),
)


def make_signals(count: int, *, evidence: float = 0.1) -> tuple[SignalStatus, ...]:
    """Return signals `s0`, `s1`, … with the same evidence and a small effect."""
    signals = [Signal(f"s{at}", "input") for at in range(count)]
    return tuple(
        SignalStatus(
            signal=signal,
            evidence=evidence,
            effect=Effect(
                signal=signal, psi=0.04, ks=0.07, wasserstein=0.1, reference_mean=0.5, recent_mean=0.55, rows=500
            ),
        )
        for signal in signals
    )


def make_stream(model: str = "meter-reader", *, inferences: int = 12_000, **changes: Any) -> StreamStatus:
    """Return a stream in good health that has run for a while at 100 inferences a second."""
    stream = Stream(model=model, version="1.4", sha256="9f86d081884c7d65")
    quick = inferences // 2
    known: dict[str, Any] = {
        "stream": stream,
        "key": stream.key,
        "state": "ok",
        "inferences": inferences,
        "errors": inferences // 1_000,
        "rate": 100.0,
        "reference_rows": 1_000,
        "reference_target": 1_000,
        "latency_p50_s": 0.004,
        "latency_p99_s": 0.009,
        "latency_sum_s": inferences * 0.005,
        "latency_count": inferences,
        "latency_buckets": tuple(
            (bound, inferences if bound >= 0.01 else quick if bound >= 0.005 else 0) for bound in BOUNDS
        ),
        "confidence": 0.93,
        "predictions": tuple((str(digit), inferences // 10) for digit in range(10)),
        "last_inference": NOW,
        "alarm_every_inferences": 2.6e8,
        "signals": make_signals(20),
    }
    return StreamStatus(**(known | changes))


_ids = itertools.count()


def make_finding(*, kind: str = "shift", stream: Stream | None = None, **changes: Any) -> Finding:
    """Return an open finding whose likely cause is the sensor."""
    known: dict[str, Any] = {
        "id": f"f{next(_ids)}",
        "stream": stream or make_stream().stream,
        "kind": kind,
        "severity": "critical",
        "state": "open",
        "sentence": "The camera's image is darker and softer than it was.",
        "advice": "Clean the lens.",
        "onset": NOW - timedelta(minutes=3),
        "opened": NOW - timedelta(minutes=2),
        "updated": NOW,
        "row": 9_000,
        "onset_row": 8_000,
        "signals": (),
        "causes": (Cause("sensor", "camera", 0.9, "sharpness fell"),),
    }
    return Finding(**(known | changes))


def make_status(
    *, site: str = "north", device: str = "cam-07", streams: tuple[StreamStatus, ...] | None = None, **changes: Any
) -> Status:
    """Return a device in good health with one stream."""
    known: dict[str, Any] = {
        "time": NOW,
        "state": "ok",
        "agent": AgentStatus(
            version="0.1.0",
            pid=4_242,
            started=NOW - timedelta(minutes=20),
            uptime_s=1_200.0,
            rss_bytes=130_000_000,
            cpu_percent=2.5,
            ready_s=0.8,
            run_dir="/run/driftline",
            state_dir="/var/lib/driftline",
            config_path=None,
            scrape_url=None,
            site=site,
            device=device,
        ),
        "buffer": BufferStatus(
            path="/var/lib/driftline/buffer",
            mode="disk",
            bytes=5_000_000,
            limit_bytes=500_000_000,
            segments=3,
            rows=120_000,
            last_commit=NOW,
        ),
        "streams": (make_stream(),) if streams is None else streams,
        "host": HOST,
        "findings": (),
        "events": (),
    }
    return Status(**(known | changes))


def replaced(record: Any, **changes: Any) -> Any:
    """Return a copy of a record with some fields changed."""
    return msgspec.structs.replace(record, **changes)
