"""What knowing a daily rhythm is worth: false alarms in a month of quiet days, and the delay of a shift.

`python benchmarks/contexts.py`: ten signals, five shapes of a day under noise, a row each 30 s. Days differ in size,
level and phase by the given share. A stream is judged by the first days, once with their times and once without; the
shift is half an amplitude in one signal, after five days. Last, a faster stream: three days of a row a second, of which
at most 20,000 rows are kept, beside what is learned from its first 20,000.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path[0] = str(Path(__file__).parents[1])  # this folder has an `agent.py` of its own

from agent.model import Block, Signal, Stream  # noqa: E402
from detectors import Reference, fit_reference, make_shift_detector  # noqa: E402
from detectors.reference import ReferenceLearner  # noqa: E402
from detectors.rhythm import DAY_NS  # noqa: E402

Rows = NDArray[np.float64]
Times = NDArray[np.int64]
START_NS = 1_790_000_000_000_000_000
PER_DAY, QUIET_DAYS, WIDTH, SIZE = 2_880, 30, 10, 1.5
NULL_PER, SHIFT_PER = 1e5, 1e6


def shape(kind: int, hour: Rows) -> Rows:
    """Give one of five days: a sinusoid, two levels, a peak, two harmonics, a ramp."""
    if kind == 0:
        return np.sin(2 * np.pi * hour / 24)
    if kind == 1:
        return np.where((hour >= 7) & (hour < 18), 1.0, -1.0)  # working hours
    if kind == 2:
        return 2 * np.exp(-(((hour - 13) / 2.5) ** 2)) - 0.5
    if kind == 3:
        return np.sin(2 * np.pi * hour / 12) + 0.5 * np.sin(2 * np.pi * (hour - 3) / 24)
    return np.clip(1 - np.abs(hour - 15) / 5, 0, 1) * 2 - 0.5


def stream(seed: int, days: int, differ: float, memory: float, per_day: int = PER_DAY) -> tuple[Rows, Times]:
    """Give rows and times; noise has a standard deviation of one, and this correlation from row to row."""
    rng = np.random.default_rng(seed)
    times = START_NS + np.arange(per_day * days) * (DAY_NS // per_day)
    hour, day = times % DAY_NS / DAY_NS * 24, (times - times[0]) // DAY_NS
    rows = rng.normal(size=(len(times), WIDTH))
    for at in range(1, len(rows) if memory else 0):
        rows[at] = memory * rows[at - 1] + np.sqrt(1 - memory**2) * rows[at]
    for at in range(WIDTH):
        size = SIZE * (1 + differ * rng.normal(size=days))
        level, late = differ * rng.normal(size=days), 3 * differ * rng.normal(size=days)
        rows[:, at] += size[day] * shape(at % 5, (hour + late[day]) % 24) + level[day]
    return rows, times


def alarms(reference: Reference, rows: Rows, times: Times | None, alarms_per: float) -> list[int]:
    """Give the rows at which there were alarms."""
    detector = make_shift_detector(reference, alarms_per)
    found: set[int] = set()
    for at in range(0, len(rows), 100):
        part = slice(at, at + 100)
        found |= {score.row for score in detector.update(rows[part], None if times is None else times[part])}
    return sorted(found)


def delay(reference: Reference, rows: Rows, times: Times | None, begin: int = 5 * PER_DAY + 777) -> float:
    """Give the rows from a shift of half an amplitude to the first alarm after it."""
    moved = rows.copy()
    moved[begin:, 0] += SIZE / 2
    after = [row - begin for row in alarms(reference, moved, times, SHIFT_PER) if row >= begin]
    return after[0] if after else np.inf


def learned(rows: Rows, times: Times) -> tuple[Reference, int]:
    """Learn as the agent does with `[reference] seconds = 259200`; give the reference, and how many rows it took."""
    signals = tuple(Signal(f"s{at}", "input") for at in range(WIDTH))
    learner = ReferenceLearner(signals, 1_000, 259_200.0, 20_000)
    for at in range(0, len(rows), 1_000):
        part = slice(at, at + 1_000)
        count = len(times[part])
        none = np.full(count, np.nan), np.zeros(count, np.uint8)
        reference = learner.add(Block(Stream(model="m"), signals, times[part], *none, rows[part].astype(np.float32)))
        if reference is not None:
            return reference, at + count
    raise ValueError(f"{len(rows)} rows hold no three days")


def fast(differ: float, memory: float) -> str:
    """Give a line of the table of faster streams."""
    rows, times = stream(0, 7, differ, memory, 86_400)
    reference, begin = learned(rows, times)
    live = slice(begin, None)
    plain = fit_reference(rows[:20_000], [f"s{at}" for at in range(WIDTH)])
    false = len(alarms(reference, rows[live], times[live], NULL_PER)), len(alarms(plain, rows[live], None, NULL_PER))
    shift = delay(reference, rows[live], times[live], 86_400)
    allowed = len(rows[live]) / NULL_PER
    return f"| {differ:.2f} | {memory:.1f} | {allowed:.1f} | {false[0]} | {false[1]} | {shift / 3_600:.1f} |"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=4)
    seeds = parser.parse_args().seeds
    allowed = seeds * QUIET_DAYS * PER_DAY / NULL_PER
    print(f"{seeds} streams of {QUIET_DAYS} quiet days each; {allowed:.1f} false alarms are allowed\n")
    print("| days differ by | memory | days of reference | false alarms | hours to the alarm | without a context |")
    print("|---|---|---|---|---|---|")
    for differ, memory in ((0.0, 0.0), (0.03, 0.0), (0.1, 0.0), (0.03, 0.9)):
        for days in (3, 4, 7):
            known, false, knowing, plain = days * PER_DAY, 0, [], []
            names = [f"s{at}" for at in range(WIDTH)]
            for seed in range(seeds):
                rows, times = stream(seed, days + QUIET_DAYS, differ, memory)
                reference = fit_reference(rows[:known], names, time_ns=times[:known])
                false += len(alarms(reference, rows[known:], times[known:], NULL_PER))
                knowing.append(delay(reference, rows[known:], times[known:]))
                plain.append(delay(fit_reference(rows[:known], names), rows[known:], None))
            told = [", ".join(f"{late * 24 / PER_DAY:.1f}" for late in sorted(part)) for part in (knowing, plain)]
            print(f"| {differ:.2f} | {memory:.1f} | {days} | {false} | {told[0]} | {told[1]} |", flush=True)
    print("\nA row a second:\n")
    print("| days differ by | memory | allowed | false alarms | without a context | hours to the alarm |")
    print("|---|---|---|---|---|---|")
    for differ, memory in ((0.0, 0.0), (0.03, 0.0), (0.03, 0.9)):
        print(fast(differ, memory), flush=True)


if __name__ == "__main__":
    main()
