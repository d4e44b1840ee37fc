"""Is the named cause the right one? Faults whose truth is known, through the product's own parts, without real time.

Run `python benchmarks/cause.py`; some three minutes on two free cores. Every kind of `driftline demo --drift` and
every fault of `benchmarks/cause_tables.py`, SEEDS times each, goes through probe and ring (camera) or blocks
(tables), reference, detectors, findings and explainer. Printed for each kind: how many were found; the class named
first, when the finding opened and when it had ripened; whether the cause's name is right too; delay and error of the
onset; and the share right with its exact binomial 95 % lower bound (Clopper and Pearson 1934). Beside it a naive
peer: the signal with the largest Kolmogorov-Smirnov distance names the class by what it is (an input: sensor, the
prediction: world, another output: model, latency: device).
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "probe"))

import numpy as np

from agent.findings import FindingBook
from agent.host_history import HostHistory
from agent.judging import judge
from agent.monitor import StreamMonitor
from agent.replay import NoStore
from agent.wiring import Config, make_factories
from benchmarks import cause_camera, cause_tables
from detectors import fit_reference
from detectors.cause import CauseExplainer
from examples.meter_camera.faults import FAULTS as CAMERA_FAULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from agent.model import Block, Effect, Finding, Reading, StreamChange

SEEDS, FIRST_SEED = 20, 5_000
REFERENCE_ROWS, AFTER = 1_000, 1_500
ONSETS = 1_100, 2_600  # the fault begins at a row drawn from here
ALARMS_PER = 30 * 86_400.0  # the agent's own, before it knows a rate
SETTLE_ROWS = 1_000  # so long after it opened, a finding has ripened
# The classes that are right, and a word of the cause's name.
CAMERA_TRUTH = {
    "fouling": (("sensor",), "dirty"),
    "dim": (("sensor",), "less light"),
    "rotate": (("sensor",), "turned"),
    "stuck-pixel": (("sensor",), "pixels"),
    "class-mix": (("world",), "mix of classes"),
    "slow": (("device",), "service itself"),
    "mild fouling": (("sensor",), "dirty"),
    "mild dim": (("sensor",), "less light"),
    "mild rotate": (("sensor",), "turned"),
    "frozen": (("sensor",), "frozen"),
    "noise": (("sensor",), "pixels or noise"),
    "glare": (("sensor",), "more light"),
    "blurred": (("sensor",), "out of focus"),
}


@dataclass(frozen=True)
class Run:
    """What was said of one stream."""

    kind: str
    right: tuple[str, ...]
    name: str = ""  # a word of the right cause's name
    first: str | None = None  # class, when the finding opened; None: nothing was found
    ripe: str | None = None
    peer: str | None = None
    named: bool = False  # rightly, when ripe
    words: str = ""
    delay: int = 0
    onset_error: int = 0
    findings: int = 0
    false: int = 0


def watch(
    kind: str,
    truth: tuple[tuple[str, ...], str],
    blocks: Iterable[Block],
    onset: int,
    host: Callable[[int], tuple[Reading, ...]],
    changes: Sequence[StreamChange] = (),
) -> Run:
    """Learn from the first rows, judge the others, and say what came of it."""
    right, name = truth
    stream = iter(blocks)
    learned: list[Block] = []
    while sum(map(len, learned)) < REFERENCE_ROWS:
        learned.append(next(stream))
    reference = fit_reference(
        np.concatenate([block.values for block in learned]),
        learned[0].signals,
        latency_s=np.concatenate([block.latency_s for block in learned]),
    )
    monitor = StreamMonitor(learned[0].stream, make_factories(Config()), NoStore(), ALARMS_PER)
    monitor.adopt(reference)
    monitor.changes.extend(changes)
    onset -= sum(map(len, learned))
    book = FindingBook(CauseExplainer(), NoStore())
    past = HostHistory()
    opened: dict[str, Finding] = {}
    newest: dict[str, Finding] = {}
    peer = None
    for block in stream:
        for reading in host(monitor.rows + len(block)):
            past.add(reading)
        for finding in judge(monitor, book, block, int(block.time_ns[-1]), past):
            if finding.id not in opened and finding.row >= onset and peer is None:
                peer = _peer(monitor.effects(monitor.rows - finding.onset_row))
            opened.setdefault(finding.id, finding)
            if monitor.rows - opened[finding.id].row <= SETTLE_ROWS:
                newest[finding.id] = finding
    true = [finding for finding in opened.values() if finding.row >= onset]
    false = len(opened) - len(true)
    if not true:
        return Run(kind, right, name, false=false)
    first = true[0]
    ripe = newest[first.id]
    return Run(
        kind, right, name, first.causes[0].kind, ripe.causes[0].kind, peer, name in ripe.causes[0].name,
        f"{ripe.severity} {ripe.kind}: {ripe.sentence}", first.row - onset, ripe.onset_row - onset, len(true), false,
    )  # fmt: skip


def _peer(effects: Sequence[Effect]) -> str:
    """Name a class by the signal whose distribution is furthest from its reference."""
    worst = max(effects, key=lambda effect: effect.ks).signal
    if worst.role == "output":
        return "world" if worst.name == "prediction" else "model"
    return "device" if worst.role == "runtime" else "sensor"


def camera_runs(kind: str, seeds: Sequence[int]) -> list[Run]:
    """Run one kind of the demo."""
    found = []
    with cause_camera.CameraBench() as bench:
        for seed in seeds:
            onset = _onset(seed)
            blocks = bench.blocks(kind, seed, onset, onset + AFTER)
            found.append(watch(kind, CAMERA_TRUTH[kind], blocks, onset, lambda _: ()))
    return found


def table_runs(kind: str, seeds: Sequence[int]) -> list[Run]:
    """Run one tabular fault."""
    found = []
    for seed in seeds:
        onset = _onset(seed)
        plant = cause_tables.make_plant(kind, seed, onset, onset + AFTER)
        truth = cause_tables.FAULTS[kind][1:]
        host = lambda row, plant=plant: cause_tables.host(plant, row + REFERENCE_ROWS)  # noqa: E731
        found.append(watch(kind, truth, cause_tables.blocks(plant), onset, host, cause_tables.changes(plant)))
    return found


def _onset(seed: int) -> int:
    return int(np.random.default_rng((seed, 3)).integers(*ONSETS))


def lower_bound(right: int, of: int, level: float = 0.05) -> float:
    """Give the exact one-sided lower confidence bound of a share, by bisection of the binomial tail.

    >>> round(lower_bound(20, 20), 3)
    0.861
    """
    low, high = 0.0, right / of if of else 0.0
    for _ in range(60):
        p = (low + high) / 2
        tail = sum(math.comb(of, k) * p**k * (1 - p) ** (of - k) for k in range(right, of + 1))
        low, high = (p, high) if tail < level else (low, p)
    return low


def _report(title: str, runs: Sequence[Run]) -> None:
    kinds = list(dict.fromkeys(run.kind for run in runs))
    print(f"\n{title}\n")
    head = [
        "kind",
        "found",
        "right at once",
        "right when ripe",
        "name right",
        "class named",
        "peer right",
        "delay",
        "onset error",
    ]
    print("| " + " | ".join(head) + " |\n|---" + "|---:" * (len(head) - 1) + "|")
    for kind in kinds:
        own = [run for run in runs if run.kind == kind]
        found = [run for run in own if run.first]
        n = len(own)
        once, ripe, peer = (sum(getattr(r, name) in r.right for r in own) for name in ("first", "ripe", "peer"))
        words = sum(r.named for r in own)
        named = ", ".join(f"{cause} {count}" for cause, count in Counter(r.ripe for r in found).most_common())
        delay = f"{median(r.delay for r in found):.0f}" if found else "-"
        error = f"{median(abs(r.onset_error) for r in found):.0f}" if found else "-"
        shares = [f"{count}/{n}" for count in (once, ripe, words)]
        print("| " + " | ".join([kind, f"{len(found)}/{n}", *shares, named, f"{peer}/{n}", delay, error]) + " |")
    n = len(runs)
    for name, what in (("first", "at once"), ("ripe", "when ripe"), ("peer", "by the naive peer")):
        right = sum(getattr(run, name) in run.right for run in runs)
        print(f"{what}: {right} of {n} right ({right / n:.1%}, at least {lower_bound(right, n):.1%} at 95 %)")
    errors = [abs(run.onset_error) for run in runs if run.first]
    many = sum(run.findings > 1 for run in runs)
    print(f"onset: median error {median(errors):.0f} rows, 90 % within {np.quantile(errors, 0.9):.0f}")
    print(f"more than one finding: {many} of {n}; findings before the onset: {sum(run.false for run in runs)}")


def main() -> None:
    """Run everything and print the tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=SEEDS)
    options.add_argument("--first-seed", type=int, default=FIRST_SEED)
    options.add_argument("--kinds", nargs="*", default=[*CAMERA_TRUTH, *cause_tables.FAULTS])
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--sentences", action="store_true", help="print what was said of each stream")
    chosen = options.parse_args()
    seeds = range(chosen.first_seed, chosen.first_seed + chosen.seeds)
    # A process a kind: the probe watches at most 64 models in one.
    fresh = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(chosen.jobs, mp_context=fresh, max_tasks_per_child=1) as pool:
        work = [
            (kind, pool.submit(camera_runs if kind in CAMERA_TRUTH else table_runs, kind, seeds))
            for kind in chosen.kinds
        ]
        runs = {kind: future.result() for kind, future in work}
    others = [kind for kind in CAMERA_TRUTH if kind not in CAMERA_FAULTS]
    parts = (
        ("The demo's faults", CAMERA_FAULTS),
        ("Other faults of its camera", others),
        ("Tables", cause_tables.FAULTS),
    )
    for title, kinds in parts:
        told = [run for kind in kinds if kind in runs for run in runs[kind]]
        if told:
            _report(title, told)
        for run in told if chosen.sentences else ():
            print(f"  {run.kind}: {'ok' if run.ripe in run.right else 'WRONG'} {run.ripe} {run.delay} {run.words}")


if __name__ == "__main__":
    main()
