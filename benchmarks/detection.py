"""False alarms and delays of the shift detector beside what is usual, on streams whose truth is known.

    python benchmarks/detection.py [--seeds 2] [--long 340000] [--jobs 2]

Some 200 s of processor time. Streams that never change say how often each detector cries wolf, streams with one
change whether and how soon it is found. Data: what scikit-learn, river and aeon ship (`benchmarks/detection_tables.py`,
`_camera.py`, `_sensors.py`), and synthetic streams (`benchmarks/null_streams.py`). Every detector gets the same 2,000
rows of reference. KSWIN and Evidently take a hundred times as long as the others: they look at a part of the streams
(`benchmarks/detection_peers.py`). Last, quiet streams for Driftline alone, long enough to bound its rate of
false alarms: exact Poisson bounds (Garwood 1936).
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import multiprocessing
import os
import sys
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scipy.stats import chi2  # type: ignore[import-untyped]

from benchmarks import detection_camera, detection_sensors, detection_tables
from benchmarks.detection_cases import QUIET, changed_synthetic, pieces, quiet_synthetic
from benchmarks.detection_peers import ALARMS_PER, DETECTORS, SLOW, Heard, Look, listen
from benchmarks.null_streams import FAMILIES, names_of
from detectors import fit_reference, make_shift_detector

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from benchmarks.detection_cases import Case

LONG_BLOCK = 1_000
KINDS = (*detection_tables.KINDS, *detection_camera.FAULTY)
Task = tuple[str, tuple[object, ...]]  # how the case is made, and of what
MAKE: dict[str, Callable[..., Case]] = {
    "synthetic": quiet_synthetic,
    "camera": detection_camera.quiet_camera,
    "table": detection_tables.quiet_table,
    "flow": detection_sensors.quiet_flow,
    "walk": detection_sensors.quiet_walk,
    "recorded": detection_sensors.recorded_walk,
    "+ 1 sd": changed_synthetic,
    "fault": detection_camera.faulty_camera,
    "shift": detection_tables.shifted_table,
    "leak": detection_sensors.leak,
    "slipped": detection_sensors.slipped,
    "activity": detection_sensors.other_activity,
}


def quiet_tasks() -> list[Task]:
    """List the streams in which nothing changes."""
    tasks: list[Task] = [("synthetic", (family,)) for family in FAMILIES]
    tasks += [("camera", ()), *(("table", (table,)) for table in detection_tables.TABLES), ("flow", ())]
    return tasks + ([("walk", ()), ("recorded", ())] if detection_sensors.aeon_data() else [])


def changed_tasks(seed: int) -> list[Task]:
    """List the streams with one change."""
    tasks: list[Task] = [("+ 1 sd", (family, seed)) for family in FAMILIES]
    tasks += [("fault", (fault, seed)) for fault in detection_camera.FAULTY]
    tasks += [("shift", (table, kind, seed)) for table in detection_tables.TABLES for kind in detection_tables.KINDS]
    tasks.append(("leak", (seed,)))
    if detection_sensors.aeon_data():
        tasks.append(("slipped", (seed,)))
        if not seed:
            kinds = detection_sensors.ACTIVITIES
            tasks += [("activity", (one, other)) for one in kinds for other in kinds if one != other]
    return tasks


def run(task: Task, seed: int, names: list[str]) -> tuple[Case, dict[str, Heard]]:
    """Make a case and run detectors on it."""
    how, of = task
    case = MAKE[how](*of)
    every: dict[str, Look] = DETECTORS | SLOW
    heard = {name: listen(case, every[name]) for name in names if seed < every[name].seeds}
    return type(case)(case.data, case.kind, case.names, case.reference[:0], case.stream[:0], case.onset), heard


def long_quiet(family: str, seed: int, rows: int) -> tuple[str, int, int, float]:
    """Run Driftline over a long quiet stream in large blocks: family, rows, alarms, seconds."""
    blocks = pieces(family, seed, rows, LONG_BLOCK)
    detector = make_shift_detector(fit_reference(next(blocks), names_of(family)), ALARMS_PER)
    alarms, seconds = 0, 0.0
    for block in blocks:
        began = time.process_time()
        alarms += bool(detector.update(block))
        seconds += time.process_time() - began
    return family, rows, alarms, seconds


def bound(count: int, level: float = 0.95) -> float:
    """Give the exact one-sided upper bound on the mean of a Poisson count."""
    return float(chi2.ppf(level, 2 * count + 2)) / 2


def main() -> None:
    """Run everything and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2, help="of each kind of change")
    parser.add_argument("--long", type=int, default=340_000, help="quiet rows of each family, for Driftline alone")
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    slow = list(SLOW) if importlib.util.find_spec("evidently") else []
    tasks = [(task, 0) for task in quiet_tasks()]
    tasks += [(task, seed) for seed in range(chosen.seeds) for task in changed_tasks(seed)]
    fresh = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(1, fresh) as alone, ProcessPoolExecutor(chosen.jobs, fresh) as pool:
        late = [alone.submit(run, task, seed, slow) for task, seed in tasks if slow and not seed]
        done = [pool.submit(run, task, seed, list(DETECTORS)) for task, seed in tasks]
        longer = [pool.submit(long_quiet, family, 0, chosen.long) for family in FAMILIES]
        runs = [future.result() for future in done]
        failed = [future.exception() for future in late]
        runs += [future.result() for future, error in zip(late, failed, strict=True) if error is None]
        _false_alarms([pair for pair in runs if pair[0].onset is None])
        _delays([pair for pair in runs if pair[0].onset is not None])
        _long(longer)
    for error in filter(None, failed):
        print(f"\nEvidently failed on a stream, which its row leaves out: {error}")
    if not slow:
        print("\nEvidently is not installed (`pip install driftline[report]`): its rows are left out.")
    if not detection_sensors.aeon_data():
        print("\naeon is not installed (`pip install --no-deps aeon==1.6.0`): its accelerometers are left out.")


def _false_alarms(runs: list[tuple[Case, dict[str, Heard]]]) -> None:
    columns = list(dict.fromkeys(case.data for case, _ in runs))
    print(f"\nFalse alarms per 100,000 quiet rows (of {QUIET:,} a column; alarms less than 100 rows apart are one)\n")
    print("| detector | " + " | ".join(columns) + " | µs a row |\n|---" + "|---" * (len(columns) + 1) + "|")
    for name in [*DETECTORS, *SLOW]:
        own = {case.data: heard[name] for case, heard in runs if name in heard}
        if own:
            cells = [_rate(own[column]) if column in own else "" for column in columns]
            cost = 1e6 * sum(h.seconds for h in own.values()) / sum(h.rows for h in own.values())
            print(f"| {name} | " + " | ".join(cells) + f" | {cost:.0f} |", flush=True)


def _rate(heard: Heard) -> str:
    return f"{1e5 * heard.false_alarms / heard.quiet_rows:.0f}"


def _delays(runs: list[tuple[Case, dict[str, Heard]]]) -> None:
    groups: dict[str, list[tuple[Case, dict[str, Heard]]]] = defaultdict(list)
    for case, heard in runs:
        groups[_group(case)].append((case, heard))
    for title, own in groups.items():
        print(f"\n{title}: found, of streams; median rows to the alarm (a miss counts as never)\n")
        cells: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for case, heard in own:
            column = case.kind if case.kind in KINDS else case.data
            for name, said in heard.items():
                cells[name][column].append(said.delay or math.inf)
                cells[name]["all"].append(said.delay or math.inf)
        columns = [key for key in next(iter(cells.values())) if key != "all"] + ["all"]
        print("| detector | " + " | ".join(columns) + " |\n|---" + "|---" * len(columns) + "|")
        for name in [*DETECTORS, *SLOW]:
            if name in cells:
                print(f"| {name} | " + " | ".join(_found(cells[name][key]) for key in columns) + " |", flush=True)


def _group(case: Case) -> str:
    if case.data in detection_tables.TABLES:
        return "Tables served by a classifier"
    if case.kind in detection_camera.FAULTY:
        return "Digits behind a camera with faults"
    return "Synthetic streams (one signal of five moves by its standard deviation) and sensors"


def _found(delays: list[float]) -> str:
    middle = median(delays) if delays else math.nan
    shown = "never" if math.isinf(middle) else f"{middle:.0f}"
    return f"{sum(map(math.isfinite, delays))}/{len(delays)}, {shown}" if delays else ""


def _long(longer: list[Future[tuple[str, int, int, float]]]) -> None:
    print(f"\nDriftline over long quiet streams, in blocks of {LONG_BLOCK:,} rows; promised .1 per 100,000 rows\n")
    print("| stream | rows | alarms | per 100,000 rows, at most (95 %) | µs a row |\n|---|---|---|---|---|")
    found = [future.result() for future in longer]
    found.append(("all", sum(run[1] for run in found), sum(run[2] for run in found), sum(run[3] for run in found)))
    for family, rows, alarms, seconds in found:
        print(f"| {family} | {rows:,} | {alarms} | {bound(alarms) / rows * 1e5:.2f} | {seconds / rows * 1e6:.1f} |")


if __name__ == "__main__":
    main()
