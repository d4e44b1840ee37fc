"""Series anomalies: false alarms and p-values on quiet families, delay and name of five happenings, cost a point.

`python benchmarks/series.py`, less than a minute. The families and happenings are those of the tests.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from detectors import make_series_detector
from detectors.series import SHAPE_POINTS
from tests.detectors import series_families

if TYPE_CHECKING:
    from collections.abc import Callable

    from detectors.series import Verdict

QUIET_ROWS, LEARNING_ROWS = 20_750, 750
YOUNG_ROWS, YOUNG_SERIES = 1_000, 5  # for each seed of the others
ROWS, AT = 4_000, 3_000
HAPPENINGS = ("spike", "level shift", "trend", "variance", "flat line")
SOON = 250
ALARM = 0.5
SHARES = (1e-2, 1e-3, 1e-4, 1e-5)


def judged(make: Callable[[np.random.Generator, int], series_families.Series], seed: int, rows: int) -> list[Verdict]:
    """Judge one quiet series from its first point on."""
    detector = make_series_detector()
    values = make(np.random.default_rng(seed), rows).tolist()
    return [detector.judge(value, series_families.STEP * row) for row, value in enumerate(values)]


def quiet(seeds: int) -> None:
    """Print, a family a line, how often p-values are small and how many false alarms there are; young series last."""
    print("| quiet family | p <= .01 | p <= .001 | p <= .0001 | p <= .00001 | false alarms | points |")
    print("|---|---|---|---|---|---|---|")
    every, young = [], []
    for name, make in series_families.QUIET.items():
        verdicts = [v for seed in range(seeds) for v in judged(make, seed, QUIET_ROWS)[LEARNING_ROWS:]]
        print_row(name, verdicts)
        if name != "constant":
            every += verdicts
            for seed in range(seeds * YOUNG_SERIES):
                young += judged(make, 1_000 + seed, YOUNG_ROWS)
    print_row("all but constant", every)
    print_row(f"their first {YOUNG_ROWS} points", young)


def print_row(name: str, verdicts: list[Verdict]) -> None:
    """Print one line of the table."""
    shares = " | ".join(f"{sum(v.p_value <= a for v in verdicts) / len(verdicts):.6f}" for a in SHARES)
    print(f"| {name} | {shares} | {sum(v.score >= ALARM for v in verdicts)} | {len(verdicts)} |", flush=True)


def happenings(seeds: int) -> None:
    """Print, a happening a line, how often and how soon it is found and what it is called then."""
    print(f"\n| happening | found in {SOON} points | median points to the alarm | named, {SHAPE_POINTS} points later |")
    print("|---|---|---|---|")
    for kind in HAPPENINGS:
        delays, names = [], Counter[str]()
        for seed in range(seeds):
            noise, wave = np.random.default_rng(seed).normal(50, 2, ROWS), series_families.rhythm(ROWS) * (seed % 2)
            moved = (noise, wave) if kind != "flat line" else (noise + wave, 0 * wave)
            values = series_families.happening(kind, moved[0], AT) + moved[1]
            detector, first = make_series_detector(), None
            for row, value in enumerate(values.tolist()):
                if detector.update(value, series_families.STEP * row) >= ALARM and row >= AT and first is None:
                    first = row
                if first is not None and row == first + SHAPE_POINTS:
                    break
            if first is not None and first < AT + SOON:
                delays.append(first - AT)
                names[detector.shape] += 1
        told = ", ".join(f"{name} {count}" for name, count in names.most_common())
        print(f"| {kind} | {len(delays)}/{seeds} | {statistics.median(delays) if delays else 'inf'} | {told} |")


def cost() -> None:
    """Print processor time a point and the size of a state."""
    values = np.random.default_rng(0).normal(50, 2, 20_000).tolist()
    best = float("inf")
    for _ in range(5):
        detector = make_series_detector()
        began = time.process_time()
        for row, value in enumerate(values):
            detector.update(value, series_families.STEP * row)
        best = min(best, (time.process_time() - began) / len(values))
    print(f"\n{best * 1e6:.1f} µs a point, state {len(detector.state()) / 1e3:.0f} kB")


def main() -> None:
    """Run all three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    quiet(max(1, seeds // 5))
    happenings(seeds)
    cost()


if __name__ == "__main__":
    main()
