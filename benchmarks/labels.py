"""Labels: how often falling accuracy is found where nothing fell, how soon where it did, and what a lookup costs.

Errors are independent, the first 200 labels are the reference, drawn anew for every stream. A false alarm is one within
a tenth of the labels between two that are allowed, so 10 % of the streams may have one (and 5 % more, where the
reference was lucky beyond its bound). Then: a fall at label 1,000 and the median number of labels to the alarm. Then:
the time in which 1, 100 and 5,000 ids are found among stored rows. One process, about a minute; run it with -m.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from agent.buffer import BufferConfig, open_buffer
from agent.clock import SystemClock
from agent.model import Block, Signal, Stream
from detectors import fit_reference
from detectors.wrong import WrongDetector

WRONG = Signal("wrong", "output", "flag", "1")
STREAM = Stream(model="bench")
SIGNALS = (
    *(Signal(f"x{column}", "input") for column in range(8)),
    Signal("prediction", "output", "categorical"),
    Signal("confidence", "output"),
)
REFERENCE = 200
STREAMS, FALLS = 60, 40
STORED = 1_000_000
BATCH = 10_000
SHARES = (0.01, 0.04, 0.2)


def errors(rng: np.random.Generator, count: int, share: float) -> Block:
    """Return labels of answers that are wrong independently."""
    return Block(
        stream=STREAM,
        signals=(WRONG,),
        time_ns=np.arange(count, dtype=np.int64),
        latency_s=np.zeros(count),
        status=np.zeros(count, np.uint8),
        values=(rng.random(count) < share).astype(np.float32)[:, None],
    )


def detector(rng: np.random.Generator, share: float, alarms_per: float) -> WrongDetector:
    """Return one that learned from labels of its own."""
    return WrongDetector(fit_reference(errors(rng, REFERENCE, share).values, [WRONG]), alarms_per)


def false_alarms(share: float, alarms_per: float) -> float:
    """Return the share of healthy streams that alarm."""
    alarmed = 0
    for seed in range(STREAMS):
        rng = np.random.default_rng(seed)
        judge = detector(rng, share, alarms_per)
        alarmed += bool(judge.score(errors(rng, round(alarms_per / 10), share)))
    return alarmed / STREAMS


def delay(share: float, fallen: float, alarms_per: float) -> float:
    """Return the median number of labels from a fall to its alarm; infinite where most are not found in 3,000."""
    found = []
    for seed in range(FALLS):
        rng = np.random.default_rng(seed)
        judge = detector(rng, share, alarms_per)
        healthy = errors(rng, 1_000, share)
        judge.score(healthy)
        judge.learn(healthy)
        scores = judge.score(errors(rng, 3_000, fallen))
        found.append(scores[0].row - 999 if scores else np.inf)
    return statistics.median(found)


def lookups() -> dict[int, float]:
    """Return milliseconds to find so many ids among STORED rows of 10 signals."""
    rng = np.random.default_rng(0)
    ids = rng.integers(1, 2**63, STORED, dtype=np.uint64)
    took = {}
    with tempfile.TemporaryDirectory() as folder:
        buffer = open_buffer(Path(folder), SystemClock(), BufferConfig())
        for first in range(0, STORED, BATCH):
            buffer.append(
                [
                    Block(
                        stream=STREAM,
                        signals=SIGNALS,
                        time_ns=np.arange(first, first + BATCH, dtype=np.int64),
                        latency_s=np.full(BATCH, 0.001),
                        status=np.zeros(BATCH, np.uint8),
                        values=rng.random((BATCH, len(SIGNALS)), dtype=np.float32),
                        ids=ids[first : first + BATCH],
                    )
                ],
                [],
            )
            buffer.commit()
        for count in (1, 100, 5_000):
            times = []
            for _ in range(5):
                wanted = rng.choice(ids, count, replace=False)
                start = time.perf_counter()
                assert len(buffer.labels.find_inferences(wanted, "")) == count
                times.append((time.perf_counter() - start) * 1e3)
            took[count] = statistics.median(times)
        print(f"stored rows take {buffer.status().bytes / STORED:.0f} bytes each, a hashed id included")
        buffer.close()
    return took


def main() -> None:
    """Print three small tables."""
    print(f"healthy streams of {STREAMS} that alarm within a tenth of the budget, by labels between two alarms")
    for share in SHARES:
        told = ", ".join(f"{budget:,.0f}: {false_alarms(share, budget):.0%}" for budget in (1e4, 1e5))
        print(f"  {share:.0%} wrong  {told}")
    print("labels to the alarm (median), one false alarm allowed in 100,000 labels")
    for share, fallen in ((0.01, 0.05), (0.04, 0.1), (0.04, 0.2), (0.04, 0.5), (0.2, 0.35)):
        print(f"  from {share:.0%} wrong to {fallen:.0%}: {delay(share, fallen, 1e5):.0f}")
    for count, took in lookups().items():
        print(f"{count:,} ids found among {STORED:,} rows in {took:.0f} ms")


if __name__ == "__main__":
    main()
