"""Is the alarm budget kept? Null streams of many kinds, references of several lengths, budgets of several sizes.

    python benchmarks/null_calibration.py [--seeds 0-50] [--families NAME,...] [--references 200,1000,5000] [--jobs 2]

A budget of one false alarm in A inferences promises at most one stream in ten an alarm within A / 10 inferences, plus
one in twenty for the event that the reference misleads (docs/detection.md): .15 in all. Each cell counts the streams
that alarm, of so many seeds; in brackets the exact one-sided 95 % upper bound on their share (Clopper and Pearson
1934). A cell is marked `!` where that many alarms would be improbable (p < .05 / cells) were the share .15, and `?`
where the bound alone is above .15. Some ten minutes on two cores; `--json FILE` adds to what earlier runs counted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import zlib
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from scipy.stats import beta, binom  # type: ignore[import-untyped]

from benchmarks.null_streams import FAMILIES, names_of
from detectors import fit_reference, make_shift_detector

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BUDGETS = (1e4, 1e5, 1e6)
HORIZON, MOST = 0.1, 100_000  # of the budget; rows
PROMISED = 0.15
BLOCK = 1_000
Cell = tuple[str, int, float]  # family, rows of reference, budget


def alarms(family: str, rows: int, seed: int) -> dict[float, bool]:
    """Tell for each budget whether one stream alarms within its horizon. The longest holds the shorter ones."""
    rng = np.random.default_rng((zlib.crc32(family.encode()), rows, seed))
    longest = min(MOST, round(max(BUDGETS) * HORIZON))
    values = FAMILIES[family](rng, rows + longest)
    reference = fit_reference(values[:rows], names_of(family))
    found = {}
    for budget in BUDGETS:
        end = rows + min(MOST, round(budget * HORIZON))
        detector = make_shift_detector(reference, budget)
        blocks = (values[at : min(end, at + BLOCK)] for at in range(rows, end, BLOCK))
        found[budget] = any(detector.update(block) for block in blocks)
    return found


def upper_bound(count: int, of: int, level: float = 0.95) -> float:
    """Give the exact one-sided upper bound on a share."""
    return 1.0 if count == of else float(beta.ppf(level, count + 1, of - count))


def _task(task: tuple[str, int, int]) -> tuple[tuple[str, int, int], dict[float, bool]]:
    return task, alarms(*task)


def _range(text: str) -> range:
    first, _, last = text.rpartition("-")
    return range(int(first or 0), int(last))


def main() -> None:
    """Run the cells that were asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=_range, default=range(50), help="FIRST-END, or how many")
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--references", default="200,1000,5000")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path, help="add to the runs kept in this file")
    chosen = parser.parse_args()
    families = chosen.families.split(",")
    if unknown := set(families) - set(FAMILIES):
        parser.error(f"no family {min(unknown)!r}; there are: {', '.join(FAMILIES)}")
    sizes = [int(size) for size in chosen.references.split(",")]
    runs: dict[str, dict[str, bool]] = {}
    if chosen.json and chosen.json.exists():
        runs = json.loads(chosen.json.read_text())
    tasks = [(family, size, seed) for size in sizes for family in families for seed in chosen.seeds]
    with ProcessPoolExecutor(chosen.jobs) as pool:
        for (family, size, seed), found in pool.map(_task, tasks):
            runs[f"{family}/{size}/{seed}"] = {f"{budget:g}": alarmed for budget, alarmed in found.items()}
    if chosen.json:
        chosen.json.write_text(json.dumps(runs))
    report(runs)


def report(runs: dict[str, dict[str, bool]]) -> None:
    """Print a row a length of reference and budget, a column a family."""
    keys = [tuple(key.split("/")) for key in runs]
    families = [family for family in FAMILIES if any(key[0] == family for key in keys)]
    sizes = sorted({int(key[1]) for key in keys})
    cells = len(families) * len(sizes) * len(BUDGETS)
    print("| rows of reference | budget | " + " | ".join(families) + " |\n|---|---" + "|---" * len(families) + "|")
    for size in sizes:
        for budget in BUDGETS:
            row = []
            for family in families:
                hits = [run[f"{budget:g}"] for key, run in runs.items() if key.startswith(f"{family}/{size}/")]
                row.append(_cell(sum(hits), len(hits), cells))
            print(f"| {size} | {budget:g} | " + " | ".join(row) + " |")
    for budget in BUDGETS:
        _total(budget, [run[f"{budget:g}"] for run in runs.values()])


def _cell(count: int, of: int, cells: int) -> str:
    if not of:
        return "-"
    bound = upper_bound(count, of)
    broken = float(binom.sf(count - 1, of, PROMISED)) < 0.05 / cells
    return f"{count}/{of} ({bound:.2f})" + ("!" if broken else "?" if bound > PROMISED else "")


def _total(budget: float, hits: Sequence[bool] | Iterable[bool]) -> None:
    counted = list(hits)
    bound = upper_bound(sum(counted), len(counted))
    print(f"\nBudget {budget:g}: {sum(counted)} of {len(counted)} streams alarmed, share at most {bound:.3f}.")


if __name__ == "__main__":
    main()
