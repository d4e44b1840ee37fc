"""What the shift detector costs a row beside river's ADWIN and Page-Hinkley, in one interleaved run.

Run `python benchmarks/detector_cost.py`. Twenty signals; river updates one ADWIN and one Page-Hinkley a signal and row.
Rounds alternate, so that a busy machine slows both; medians are compared. Memory is what a stored stream takes.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from river import drift

from detectors import fit_reference, make_shift_detector

SIGNALS, ROUNDS, ROWS, RIVER_ROWS = 20, 9, 8_000, 800
BLOCKS = (10, 100, 1_000)
BUDGET = 5.0


def main() -> None:
    """Measure and print."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(ROWS, SIGNALS))
    reference = fit_reference(rng.normal(size=(2_000, SIGNALS)), [f"x{at}" for at in range(SIGNALS)])
    detectors = {size: make_shift_detector(reference) for size in BLOCKS}
    make_adwin: Any = drift.ADWIN
    make_hinkley: Any = drift.PageHinkley
    adwins = [make_adwin() for _ in range(SIGNALS)]
    hinkleys = [make_hinkley() for _ in range(SIGNALS)]
    lists = rows[:RIVER_ROWS].tolist()
    spent: dict[str | int, list[float]] = {name: [] for name in ("river", *BLOCKS)}
    for _ in range(ROUNDS):
        began = time.process_time()
        for row in lists:
            for value, adwin, hinkley in zip(row, adwins, hinkleys, strict=True):
                adwin.update(value)
                hinkley.update(value)
        spent["river"].append((time.process_time() - began) / RIVER_ROWS * 1e6)
        for size, detector in detectors.items():
            began = time.process_time()
            for at in range(0, ROWS, size):
                detector.update(rows[at : at + size])
            spent[size].append((time.process_time() - began) / ROWS * 1e6)
    river = statistics.median(spent["river"])
    print(f"| {SIGNALS} signals | µs a row | river / Driftline |\n|---|---|---|")
    print(f"| river, {SIGNALS} ADWIN + {SIGNALS} Page-Hinkley | {river:.1f} | 1 |")
    for size in BLOCKS:
        ours = statistics.median(spent[size])
        print(f"| Driftline, blocks of {size} rows | {ours:.1f} | {river / ours:.1f} |")
    stored = len(reference.encode()) + len(detectors[100].state())
    print(f"\nStored: {stored / 1e3:.0f} kB. Budget in blocks of 100 rows: river / Driftline of {BUDGET:g} or more.")


if __name__ == "__main__":
    main()
