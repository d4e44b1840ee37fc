"""Estimated accuracy beside the truth, on streams that shift: how often the band holds, and the flag is right.

Run `python benchmarks/accuracy.py`; it takes about two minutes and prints two Markdown tables. Labels
calibrate the reference, and are hidden from then on; the streams are those of `accuracy_streams`. Peers: the mean
confidence, taken at its word, and the same confidence calibrated, both always believed.
"""

from __future__ import annotations

import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks.accuracy_streams import STREAM, subjects
from detectors import fit_reference
from detectors.estimate import AccuracyEstimator, Z

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.model import AccuracyEstimate

WINDOWS = (200, 500, 1_000)
OFF = 0.05
GROUPS = ("unchanged", "covariate shift", "label shift", "broken input", "broken, and nothing shows")


@dataclass(frozen=True)
class Window:
    """One window of a stream: what was said of it, and the truth of it and of all rows like it."""

    group: str
    kind: str
    rows: int
    said: AccuracyEstimate
    stated: float  # mean confidence
    right: float
    truth: float


def measure() -> list[Window]:
    """Estimate every window of every stream."""
    found = []
    for name, subject in subjects():
        rows, right = subject.reference()
        estimator = AccuracyEstimator(fit_reference(rows, subject.names, correct=right))
        at = subject.names.index("confidence")
        for group, kind, (stream, truth) in subject.streams():
            for size in WINDOWS:
                for start in range(0, len(stream) - size + 1, STREAM // 2):
                    part, hits = stream[start : start + size], truth[start : start + size]
                    said = estimator.estimate(part)
                    if said is not None:
                        stated = float(part[:, at].mean())
                        found.append(Window(group, f"{name}: {kind}", size, said, stated, hits.mean(), truth.mean()))
    return found


def share(values: list[bool]) -> str:
    """Give a percentage, and of how many."""
    return f"{100 * np.mean(values):.0f} % of {len(values)}" if values else "none"


def main() -> None:
    """Print the tables."""
    warnings.filterwarnings("ignore")
    found = measure()
    print("| rows | stream | valid | in the band, where valid | off by > 5 points | of these void |")
    print("|---|---|---|---|---|---|")
    for size in WINDOWS:
        for group in GROUPS:
            mine = [w for w in found if w.rows == size and w.group == group]
            believed = [w for w in mine if w.said.valid]
            off = [w for w in mine if abs(w.said.estimate - w.truth) > OFF]
            held = share([w.said.low <= w.right <= w.said.high for w in believed])
            void = share([not w.said.valid for w in off])
            print(f"| {size} | {group} | {share([w.said.valid for w in mine])} | {held} | {len(off)} | {void} |")
        seen = [w for w in found if w.rows == size and w.group != GROUPS[-1]]
        held = share([w.said.low <= w.right <= w.said.high for w in seen if w.said.valid])
        off = [w for w in seen if abs(w.said.estimate - w.truth) > OFF]
        void = share([not w.said.valid for w in off])
        valid = share([w.said.valid for w in seen])
        print(f"| **{size}** | **all that can show** | {valid} | **{held}** | {len(off)} | **{void}** |")
    print("\n| believed, 1,000 rows | stream | windows | mean error, points | believed and off by > 5 points |")
    print("|---|---|---|---|---|")
    ways: dict[str, Callable[[Window], tuple[float, bool]]] = {
        "mean confidence": lambda w: (w.stated, True),
        "calibrated, no flag": lambda w: (w.said.estimate, True),
        "**Driftline**": lambda w: (w.said.estimate, w.said.valid),
    }
    for group in GROUPS:
        mine = [w for w in found if w.rows == WINDOWS[-1] and w.group == group]
        for name, way in ways.items():
            errors = [abs(way(w)[0] - w.truth) for w in mine if way(w)[1]]
            wrong = share([way(w)[1] and abs(way(w)[0] - w.truth) > OFF for w in mine])
            print(f"| {name} | {group} | {len(errors)} of {len(mine)} | {100 * np.mean(errors):.1f} | {wrong} |")
    if "--misses" in sys.argv:
        for w in found:
            if w.said.valid and abs(w.said.estimate - w.truth) > OFF:
                print(f"{w.rows} {w.kind}: said {w.said.estimate:.3f} ({Z} sd: {w.said.low:.3f}), is {w.truth:.3f}")


if __name__ == "__main__":
    main()
