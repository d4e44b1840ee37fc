"""The rows that a reference was learned from, kept beside it.

A later version of Driftline fits its own reference to them, and an export carries them. Bounded: of long references the
newest rows, in their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from agent.model import Signal
from detectors.packing import pack, unpack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT = 1
MAX_BYTES = 8 << 20  # before it is compressed: 100,000 rows of 20 signals


@dataclass(frozen=True)
class Rows:
    """Rows of one stream.

    `ordered`: they stand in the order in which they ran, so that it shows how they hang together. `latency_s` is NaN
    where it was not measured. `correct` says of labelled rows whether
    the model was right.
    """

    signals: tuple[Signal, ...]
    values: NDArray[np.float32]  # [n, S]
    latency_s: NDArray[np.float64]  # [n]
    ordered: bool = True
    correct: NDArray[np.float64] | None = None  # [n] 1, 0, or NaN where it is not known

    def encode(self) -> bytes:
        """Return the stored form, which `decode_rows` reads."""
        kept = max(1, MAX_BYTES // (4 * len(self.signals) + 8))
        return pack(
            "reference rows",
            FORMAT,
            {
                "signals": [[s.name, s.role, s.kind, s.unit] for s in self.signals],
                "values": self.values[-kept:],
                "latency_s": self.latency_s[-kept:],
                "ordered": self.ordered,
            }
            | ({} if self.correct is None else {"correct": self.correct[-kept:]}),
        )


def decode_rows(data: bytes) -> Rows:
    """Read what `Rows.encode` wrote. Raises ValueError for anything else."""
    items: dict[str, Any] = unpack(data, "reference rows", FORMAT)
    try:
        signals = msgspec.convert(
            [dict(zip(("name", "role", "kind", "unit"), s, strict=True)) for s in items["signals"]],
            tuple[Signal, ...],
        )
        rows = Rows(signals, items["values"], items["latency_s"], bool(items["ordered"]), items.get("correct"))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the rows of a reference are damaged: {error}") from error
    count = len(rows.latency_s)
    if rows.values.shape != (count, len(signals)) or (rows.correct is not None and rows.correct.shape != (count,)):
        raise ValueError("the rows of a reference are damaged: their arrays do not fit together")
    return rows
