"""Computes the signals of one call, or of several alike, as a ring would bring them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from driftline import wire

from collectors.ring_header import Identity, Part, Signature
from collectors.signals.plan import SignalPlan
from tests.collectors.ring_writer import part, placed

if TYPE_CHECKING:
    from collections.abc import Sequence

    Array = np.ndarray[Any, Any]


class Calls:
    """Calls of one signature: each a list of arrays, in the order of `parts`."""

    def __init__(self, parts: Sequence[dict[str, Any]], *, kind: str = "", features: Sequence[str] = ()) -> None:
        entries = placed(*parts)["parts"]
        self.parts = [Part(**entry) for entry in entries]
        identity = Identity(model="m", kind=kind, features=list(features))
        self.plan = SignalPlan(Signature(self.parts), identity, {})
        self.names = [signal.name for signal in self.plan.signals]

    def compute(self, *calls: Sequence[Array]) -> dict[str, Array]:
        """Return, per signal, [calls, rows]."""
        used = max(part.at + part.bytes for part in self.parts)
        slots = np.zeros((len(calls), wire.RECORD_OVERHEAD + (used + 7) // 8 * 8), np.uint8)
        for row, arrays in zip(slots, calls, strict=True):
            for entry, array in zip(self.parts, arrays, strict=True):
                start = wire.PAYLOAD_AT + entry.at
                row[start : start + entry.bytes] = np.frombuffer(array.tobytes()[: entry.bytes], np.uint8)
        values = self.plan.compute(slots)
        return {name: values[:, :, i] for i, name in enumerate(self.names)}


def of_arrays(*arrays: Array, output: Array | None = None, **identity: Any) -> dict[str, Array]:
    """Return the signals of one call, its inputs called x0, x1… and its output y."""
    parts = [part(f"x{i}", array) for i, array in enumerate(arrays)]
    stored = [*arrays]
    if output is not None:
        parts.append(part("y", output, "output"))
        stored.append(output)
    return Calls(parts, **identity).compute(stored)


def of_frames(frames: Array, kind: str = "") -> dict[str, Array]:
    """Return the signals of one call after the other, each with one frame, as [frames]."""
    calls = Calls([part("image", frames[0])], kind=kind)
    return {name: values[:, 0] for name, values in calls.compute(*[[frame] for frame in frames]).items()}
