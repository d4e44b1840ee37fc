"""How often river's detectors alarm where nothing has changed, and what a row costs, as the agent runs them by name.

    python benchmarks/river_by_name.py

2,000 rows of reference, then quiet rows of five signals in blocks of 100, river's own parameters at their defaults. An
episode is alarms with fewer than 1,000 rows between them, which is about what the agent makes one finding of. Then one
change, for what HalfSpaceTrees see. Docs: docs/detection.md.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from agent.model import Signal
from detectors import fit_reference
from detectors.river import RiverConfig, river_factories
from tests.detectors.streams import FAMILIES, make_block

REFERENCE, SIGNALS, BLOCK, GAP = 2_000, 5, 100, 1_000
NAMES = {"adwin": 10_000, "page_hinkley": 10_000, "kswin": 1_000, "half_space_trees": 10_000}  # quiet rows a stream
STREAMS = 3
COLUMNS = tuple(Signal(f"s{at}", "input") for at in range(SIGNALS))
CHOSEN = ("independent", "autoregressive", "seasonal", "heavy-tailed", "discrete")


def alarms(name: str, values: np.ndarray) -> tuple[list[int], float]:
    """Judge all rows behind the reference; return the rows of the alarms and the microseconds a row."""
    reference = fit_reference(values[:REFERENCE], COLUMNS)
    ((_, make),) = river_factories([RiverConfig(name, ("*",))]).items()
    detector, found = make(reference, 0.0), []
    began = time.perf_counter()
    for at in range(REFERENCE, len(values), BLOCK):
        block = make_block(values[at : at + BLOCK], COLUMNS, start=at)
        found += [score.row for score in detector.score(block)]
        detector.learn(block)
    return sorted(found), (time.perf_counter() - began) / (len(values) - REFERENCE) * 1e6


def episodes(rows: list[int]) -> int:
    """Count the alarms that come more than GAP rows after the one before."""
    return sum(at == 0 or row - rows[at - 1] > GAP for at, row in enumerate(rows))


def main() -> None:
    """Print both tables."""
    print(f"false alarms (episodes) per 100,000 rows of {SIGNALS} signals\n")
    print(f"| detector | {' | '.join(CHOSEN)} | µs a row |\n|---|{'---|' * (len(CHOSEN) + 1)}")
    for name, rows in NAMES.items():
        cells, costs = [], []
        for family in CHOSEN:
            counts = []
            for seed in range(STREAMS):
                values = FAMILIES[family](np.random.default_rng(seed), REFERENCE + rows, SIGNALS)
                found, cost = alarms(name, values)
                counts.append((len(found), episodes(found)))
                costs.append(cost)
            scale = 1e5 / (rows * STREAMS)
            raised, apart = (scale * sum(column) for column in zip(*counts, strict=True))
            cells.append(f"{raised:.0f} ({apart:.0f})")
        print(f"| {name} | {' | '.join(cells)} | {statistics.median(costs):.0f} |", flush=True)
    print("\n10 streams, independent, one change 500 rows on: HalfSpaceTrees found it, median rows to the alarm\n")
    for shift, words in (
        (2.0, "one signal by 2 deviations"),
        (1.0, "all five by 1"),
        (0.0, "two that were equal differ"),
    ):
        delays = []
        for seed in range(10):
            values = np.random.default_rng(seed).normal(size=(REFERENCE + 1_000, SIGNALS))
            values[:, 1] = values[:, 0] if not shift else values[:, 1]
            values[REFERENCE + 500 :, : SIGNALS if shift == 1.0 else 1] += shift
            if not shift:
                values[REFERENCE + 500 :, 1] *= -1
            found = [row - 500 for row in alarms("half_space_trees", values)[0] if row >= 500]
            delays += found[:1]
        print(f"- {words}: {len(delays)} of 10, {statistics.median(delays) if delays else '-'}", flush=True)


if __name__ == "__main__":
    main()
