"""The rows that a reference was learned from, kept beside it.

A later version of Driftline fits its own reference to them, and an export carries them. Bounded: of long references the
newest rows, in their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from detectors.packing import pack, plain_signals, read_signals, unpack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from agent.model import Signal

FORMAT = 1
MAX_BYTES = 8 << 20  # before it is compressed: 100,000 rows of 20 signals


@dataclass(frozen=True)
class Rows:
    """Rows of one stream.

    `ordered`: they stand in the order in which they ran, so that it shows how they hang together. `latency_s` is NaN
    where it was not measured. `correct` says of labelled rows whether the model was right. `time_ns` is None where it
    is not known when they ran. They are one run of 60 rows in `every`.
    """

    signals: tuple[Signal, ...]
    values: NDArray[np.float32]  # [n, S]
    latency_s: NDArray[np.float64]  # [n]
    ordered: bool = True
    correct: NDArray[np.float64] | None = None  # [n] 1, 0, or NaN where it is not known
    time_ns: NDArray[np.int64] | None = None  # [n]
    every: int = 1

    def encode(self) -> bytes:
        """Return the stored form, which `decode_rows` reads."""
        kept = max(1, MAX_BYTES // (4 * len(self.signals) + 16))
        return pack(
            "reference rows",
            FORMAT,
            {
                "signals": plain_signals(self.signals),
                "values": self.values[-kept:],
                "latency_s": self.latency_s[-kept:],
                "ordered": self.ordered,
                "every": self.every,
            }
            | ({} if self.correct is None else {"correct": self.correct[-kept:]})
            | ({} if self.time_ns is None else {"time_ns": self.time_ns[-kept:]}),
        )


def decode_rows(data: bytes) -> Rows:
    """Read what `Rows.encode` wrote. Raises ValueError for anything else."""
    items: dict[str, Any] = unpack(data, "reference rows", FORMAT)
    try:
        signals = read_signals(items["signals"])
        rows = Rows(
            signals,
            items["values"],
            items["latency_s"],
            bool(items["ordered"]),
            items.get("correct"),
            items.get("time_ns"),  # rows stored by the first versions have no times
            int(items.get("every", 1)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the rows of a reference are damaged: {error}") from error
    count = len(rows.latency_s)
    beside = [part for part in (rows.correct, rows.time_ns) if part is not None]
    if rows.values.shape != (count, len(signals)) or any(part.shape != (count,) for part in beside):
        raise ValueError("the rows of a reference are damaged: their arrays do not fit together")
    return rows
