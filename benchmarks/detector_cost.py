"""What the shift detector costs a row beside river's ADWIN and Page-Hinkley, in one interleaved run.

Run `python benchmarks/detector_cost.py`. Twenty signals; river updates one ADWIN and one Page-Hinkley a signal and row.
Rounds alternate, so that a busy machine slows both; medians over rounds are compared, and the median of the rounds' own
ratios. Memory is that of all arrays that one stream keeps: its reference, as the agent holds it, and the detector.
"""

from __future__ import annotations

import gc
import os
import statistics
import sys
import time
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from river import drift

from detectors import fit_reference, make_shift_detector

SIGNALS, ROUNDS, ROWS, RIVER_ROWS = 20, 9, 8_000, 800
BLOCKS = (10, 100, 1_000)
BUDGET = 5.0
MEMORY, MEMORY_BLOCK = 1_000_000, 100  # bytes a stream, rows a call


def held(root: object) -> int:
    """Give the bytes of all arrays and byte strings that an object reaches, each counted once, views by their base."""
    seen: set[int] = set()
    waiting, total = [root], 0
    while waiting:
        item = waiting.pop()
        if id(item) in seen or isinstance(item, type | ModuleType | FunctionType):
            continue
        seen.add(id(item))
        if isinstance(item, np.ndarray) and item.base is not None:
            waiting.append(item.base)
        elif isinstance(item, np.ndarray):
            total += item.nbytes
        elif isinstance(item, bytes):
            total += len(item)
        else:
            waiting += gc.get_referents(item)
    return total


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
    ratio = statistics.median(a / b for a, b in zip(spent["river"], spent[100], strict=True))
    print(f"\nBlocks of 100 rows, median of the rounds' ratios: {ratio:.1f}; goal {BUDGET:g} or more.")
    for rows_learned in (1_000, 5_000, 20_000):
        learned = fit_reference(rng.normal(size=(rows_learned, SIGNALS)), [f"x{at}" for at in range(SIGNALS)])
        detector = make_shift_detector(learned)
        for at in range(0, ROWS, MEMORY_BLOCK):
            detector.update(rows[at : at + MEMORY_BLOCK])
        kept, total = held(learned) / 1e3, held(detector) / 1e3  # the detector holds its reference
        stored = (len(learned.encode()) + len(detector.state())) / 1e3
        print(
            f"Reference of {rows_learned:,} rows: {kept:.0f} kB in memory, with the detector {total:.0f} kB"
            f" (goal {MEMORY / 1e3:.0f}); stored {stored:.0f} kB."
        )


if __name__ == "__main__":
    main()
