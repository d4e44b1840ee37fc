"""False alarms and delays of the shift detector beside what is usual, on streams whose truth is known.

Run `python benchmarks/detection.py`; it takes about two minutes and prints three Markdown tables. Quiet streams say how
often each detector cries wolf; streams with one change say how often and how soon it is found. Every detector gets the
same 2,000 rows of reference first. Peers run with their default settings on every signal; windows are of 500 rows. The
last table holds the shift detector to a budget so small that alarms can be counted.
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from river import drift
from scipy.stats import ks_2samp  # type: ignore[import-untyped]
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from detectors import fit_reference, make_shift_detector
from examples.meter_camera.camera import expose
from examples.meter_camera.faults import FAULTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Rows = NDArray[np.float64]

REFERENCE, BEFORE, AFTER, QUIET = 2_000, 2_000, 3_000, 40_000
ALARMS_PER = 100_000.0
WINDOW = 500
APART = 100  # alarms nearer than this are one
WIDTH = 5
SEEDS, OFTEN = 4, 10_000.0  # of the calibration


def autoregressive(rng: np.random.Generator, rows: int) -> Rows:
    """AR(1) with a correlation of .9 from row to row."""
    noise = rng.normal(size=(rows + 200, WIDTH))
    for at in range(1, len(noise)):
        noise[at] += 0.9 * noise[at - 1]
    return noise[200:] * math.sqrt(1 - 0.81)


def seasonal(rng: np.random.Generator, rows: int) -> Rows:
    """Draw a rhythm of 96 rows, as large as the noise."""
    phase = np.arange(rows)[:, None] + rng.integers(0, 96, WIDTH)
    return (math.sqrt(2) * np.sin(2 * math.pi * phase / 96) + rng.normal(size=(rows, WIDTH))) / math.sqrt(2)


FAMILIES: dict[str, Callable[[np.random.Generator, int], Rows]] = {
    "independent": lambda rng, rows: rng.normal(size=(rows, WIDTH)),
    "AR(1) .9": autoregressive,
    "seasonal 96": seasonal,
    "heavy-tailed": lambda rng, rows: rng.standard_t(2, size=(rows, WIDTH)),
    "discrete": lambda rng, rows: rng.poisson(2, size=(rows, WIDTH)).astype(float),
}


def wandering(rng: np.random.Generator, rows: int) -> Rows:
    """Draw noise whose variance wanders, with a memory of fifty rows."""
    level = rng.normal(size=(rows + 500, WIDTH))
    for at in range(1, len(level)):
        level[at] += 0.98 * level[at - 1]
    return np.exp(level[500:] / 10) * rng.normal(size=(rows, WIDTH))


FAULTY = {"fouling": 0.4, "dim": 0.4, "rotate": 0.5, "stuck-pixel": 1.0, "class-mix": 1.0}


class DigitsCamera:
    """scikit-learn's digits behind the example's lens, lamp and sensor, read by a logistic regression."""

    names = ("brightness", "contrast", "sharpness", "tilt", "confidence", "prediction")

    def __init__(self) -> None:
        digits = load_digits()
        rng = np.random.default_rng(0)
        self.ink = (digits.images / 16).astype(np.float32)
        self.labels = digits.target
        self.served = rng.permutation(len(self.ink))
        train, self.served = self.served[:700], self.served[700:]
        pixels = expose(self.ink[train], rng).reshape(len(train), -1)
        self.model = LogisticRegression(max_iter=2_000).fit(pixels, self.labels[train])

    def rows(self, rng: np.random.Generator, count: int, fault: str | None = None) -> Rows:
        """Take images, healthy or with a fault at the severity of FAULTY, and measure them."""
        what, pool = FAULTS[fault] if fault else None, self.served
        if what and what.classes:
            pool = pool[np.isin(self.labels[pool], what.classes)]
        light = self.ink[rng.choice(pool, count)]
        if what and what.light and fault:
            look = what.light
            light = np.stack([look(image, FAULTY[fault]) for image in light])
        images = expose(light, rng)
        if what and what.pixels:
            images = np.stack([what.pixels(image) for image in images])
        flat = images.reshape(count, -1)
        chances = self.model.predict_proba(flat)
        laplacian = 4 * images[:, 1:-1, 1:-1] - images[:, :-2, 1:-1] - images[:, 2:, 1:-1]
        laplacian -= images[:, 1:-1, :-2] + images[:, 1:-1, 2:]
        across, down = images[:, 1:-1, 2:] - images[:, 1:-1, :-2], images[:, 2:, 1:-1] - images[:, :-2, 1:-1]
        energy = (across**2 + down**2).sum(axis=(1, 2))
        return np.column_stack(
            [
                flat.mean(axis=1),
                flat.std(axis=1),
                (laplacian**2).mean(axis=(1, 2)) / flat.var(axis=1),
                2 * (across * down).sum(axis=(1, 2)) / energy,
                chances.max(axis=1),
                chances.argmax(axis=1),
            ]
        )


def driftline(reference: Rows, stream: Rows, names: list[str]) -> list[int]:
    """Give the rows at which the shift detector alarms."""
    detector = make_shift_detector(fit_reference(reference, names), ALARMS_PER)
    return [s.row for at in range(0, len(stream), 10) for s in detector.update(stream[at : at + 10])[:1]]


def _river(make: Callable[[], Any]) -> Callable[[Rows, Rows, list[str]], list[int]]:
    def run(reference: Rows, stream: Rows, _: list[str]) -> list[int]:
        alarms = set()
        for column in range(stream.shape[1]):
            detector = make()
            for value in reference[:, column].tolist():
                detector.update(value)
            for row, value in enumerate(stream[:, column].tolist()):
                detector.update(value)
                if detector.drift_detected:
                    alarms.add(row)
        return sorted(alarms)

    return run


def _windows(differ: Callable[[Rows, Rows], bool]) -> Callable[[Rows, Rows, list[str]], list[int]]:
    def run(reference: Rows, stream: Rows, _: list[str]) -> list[int]:
        ends = range(WINDOW, len(stream) + 1, WINDOW)
        columns = range(stream.shape[1])
        return [end - 1 for end in ends if any(differ(reference[:, c], stream[end - WINDOW : end, c]) for c in columns)]

    return run


def unstable(ours: Rows, theirs: Rows) -> bool:
    """PSI above .2 on the reference's deciles."""
    edges = np.unique(np.quantile(ours, np.arange(1, 10) / 10))
    p, q = (np.bincount(np.searchsorted(edges, side), minlength=len(edges) + 1) + 1e-4 for side in (ours, theirs))
    p, q = p / p.sum(), q / q.sum()
    return float(((q - p) * np.log(q / p)).sum()) > 0.2


DETECTORS: dict[str, Callable[[Rows, Rows, list[str]], list[int]]] = {
    "**Driftline**": driftline,
    "river ADWIN": _river(drift.ADWIN),
    "river Page-Hinkley": _river(drift.PageHinkley),
    "PSI > .2, windows": _windows(unstable),
    "KS p < .05, windows": _windows(lambda ours, theirs: bool(ks_2samp(ours, theirs).pvalue < 0.05)),
}


def merged(rows: list[int]) -> list[int]:
    """Drop alarms that follow another within APART rows."""
    kept: list[int] = []
    for row in rows:
        if not kept or row - kept[-1] >= APART:
            kept.append(row)
    return kept


def main() -> None:
    """Run everything and print the tables."""
    camera = DigitsCamera()
    names = [f"x{at}" for at in range(WIDTH)]
    quiet: list[tuple[str, list[str], Rows]] = []
    changed: list[tuple[str, list[str], Rows]] = []
    for family, make in FAMILIES.items():
        quiet.append((family, names, make(np.random.default_rng(1), REFERENCE + QUIET)))
        for seed in range(6):
            rows = make(np.random.default_rng(100 + seed), REFERENCE + BEFORE + AFTER)
            rows[REFERENCE + BEFORE :, 2] += 1.0
            changed.append((f"{family} + 1", names, rows))
    quiet.append(("digits", list(camera.names), camera.rows(np.random.default_rng(1), REFERENCE + QUIET)))
    for fault in FAULTY:
        for seed in range(4):
            rng = np.random.default_rng(200 + seed)
            rows = np.concatenate([camera.rows(rng, REFERENCE + BEFORE), camera.rows(rng, AFTER, fault)])
            changed.append((f"digits, {fault}", list(camera.names), rows))
    _false_alarms(quiet)
    _delays(changed)
    _calibration()


def _false_alarms(streams: list[tuple[str, list[str], Rows]]) -> None:
    print(f"\nFalse alarms in {QUIET:,} quiet rows (budget of Driftline: {QUIET / ALARMS_PER:g})\n")
    print("| detector | " + " | ".join(name for name, _, _ in streams) + " |\n|---" + "|---" * len(streams) + "|")
    for detector, run in DETECTORS.items():
        counts = [len(merged(run(rows[:REFERENCE], rows[REFERENCE:], names))) for _, names, rows in streams]
        print(f"| {detector} | " + " | ".join(map(str, counts)) + " |", flush=True)


def _delays(streams: list[tuple[str, list[str], Rows]]) -> None:
    kinds = list(dict.fromkeys(name for name, _, _ in streams))
    print(
        "\nFound, of streams with one change, and median rows to the alarm (a false alarm before it does not count)\n"
    )
    print("| detector | " + " | ".join(kinds) + " |\n|---" + "|---" * len(kinds) + "|")
    for detector, run in DETECTORS.items():
        delays: dict[str, list[float]] = {kind: [] for kind in kinds}
        for kind, names, rows in streams:
            alarms = run(rows[:REFERENCE], rows[REFERENCE:], names)
            delays[kind].append(next((row + 1 - BEFORE for row in alarms if row >= BEFORE), math.inf))
        cells = []
        for values in delays.values():
            median = float(np.median(values))
            cells.append(f"{sum(map(math.isfinite, values))}/{len(values)}, {median:.0f}")
        print(f"| {detector} | " + " | ".join(cells) + " |", flush=True)


def _calibration() -> None:
    promised = SEEDS * QUIET / OFTEN
    print(f"\nAlarms of Driftline in {SEEDS * QUIET:,} quiet rows; at most {promised:g} are promised in each cell\n")
    families = FAMILIES | {"wandering variance": wandering}
    print("| rows of reference | " + " | ".join(families) + " |\n|---" + "|---" * len(families) + "|")
    for size in (200, 500, 2_000):
        cells = []
        for make in families.values():
            alarms = 0
            for seed in range(SEEDS):
                rows = make(np.random.default_rng(300 + seed), size + QUIET)
                detector = make_shift_detector(fit_reference(rows[:size], [f"x{at}" for at in range(WIDTH)]), OFTEN)
                blocks = (rows[at : at + 100] for at in range(size, len(rows), 100))
                alarms += sum(bool(detector.update(block)) for block in blocks)
            cells.append(str(alarms))
        print(f"| {size} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
