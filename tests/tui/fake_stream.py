"""One stream as the agent would report it: the meter-reading camera, calm or with a fouled lens."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from agent.model import Effect, Signal, Stream
from agent.status import SignalStatus, StreamStatus

if TYPE_CHECKING:
    from agent.model import StreamState

NOW = datetime(2026, 3, 14, 14, 3, 22, tzinfo=UTC)
CAMERA = Stream(
    model="meter-reader",
    version="3",
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    runtime="onnxruntime 1.31.1",
    provider="CPUExecutionProvider",
    pid=4242,
)
IMAGE = {"sharpness": (41.2, 13.9, 3.1), "contrast": (0.214, 0.121, 2.4), "brightness": (0.412, 0.472, 0.9)}
OUTPUT = {"confidence": (0.962, 0.741, 1.2), "margin": (0.91, 0.55, 1.1), "entropy": (0.12, 0.71, 1.3)}
OTHERS = {"saturation": (0.02, 0.02, 0.03), "latency": (3.2e-3, 3.24e-3, 0.06)}


def signals(*, fouled: bool, evidence: float = 0.08) -> tuple[SignalStatus, ...]:
    """Give the signals of the camera's stream, calm or with a fouled lens."""
    found = []
    for role, group in (("input", IMAGE), ("output", OUTPUT), ("runtime", OTHERS)):
        for position, (name, (before, after, distance)) in enumerate(group.items()):
            moved = fouled and group is not OTHERS
            effect = Effect(
                signal=Signal(name, role, unit="s" if name == "latency" else ""),  # type: ignore[arg-type]  # one of the three roles
                psi=distance if moved else 0.04,
                ks=min(0.98, distance / 3) if moved else 0.05,
                wasserstein=distance if moved else 0.04 + 0.01 * position,
                reference_mean=before,
                recent_mean=after if moved else before * 1.004,
                rows=500,
                ks_same_mix=min(0.9, distance / 3.2) if moved else 0.05,
                psi_noise=0.05,
                ks_noise=0.07,
                wasserstein_noise=0.09,
            )
            share = min(1.0, distance / 1.1) if moved else evidence / (1 + position)
            found.append(SignalStatus(signal=effect.signal, evidence=share, effect=effect))
    return (*found, SignalStatus(signal=Signal("repeated_frame", "input", "flag"), evidence=0.0))


def latency_trend(base: float, n: int = 60, slow_from: int | None = None) -> tuple[float | None, ...]:
    """Give a plausible series of median latencies, with a gap at its start."""
    chance = random.Random(7)
    values: list[float | None] = [None] * 4
    for i in range(n - 4):
        factor = 1.0 if slow_from is None or i < slow_from else 1 + (i - slow_from) / 6
        values.append(base * factor * (1 + 0.12 * math.sin(i / 5) + chance.uniform(-0.06, 0.06)))
    return tuple(values)


def stream(identity: Stream = CAMERA, state: StreamState = "ok", **changes: object) -> StreamStatus:
    """Give one stream; `changes` replace fields."""
    fields: dict[str, object] = {
        "key": identity.key,
        "inferences": 128_450,
        "errors": 0,
        "rate": 98.4,
        "reference_rows": 1000,
        "reference_target": 1000,
        "latency_p50_s": 3.2e-3,
        "latency_p99_s": 9.8e-3,
        "latency_trend": latency_trend(3.2e-3),
        "confidence": 0.962,
        "predictions": tuple((str(d), 40 + 7 * ((d * 3) % 10)) for d in range(10)),
        "last_inference": NOW - timedelta(seconds=0.2),
        "alarm_every_inferences": 4.2e8,
        "signals": signals(fouled=False),
    }
    return StreamStatus(stream=identity, state=state, **{**fields, **changes})  # type: ignore[arg-type]
