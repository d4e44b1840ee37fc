"""How often the watched series of a device alarm in vain, and how soon they see a change: on simulated minutes.

    python benchmarks/series_alarms.py [--days 7] [--seeds 2]

Five series side by side, with the limits that the agent uses, at the budget that the device has (a tenth of one false
alarm in 30 days). Quiet families: independent noise; slow noise (AR(1) of .97 a minute); a rhythm of the day; heavy
tails (t of 2 degrees of freedom); and jobs of about twelve minutes at random times, a few a day, which are no noise but
what a real device does. A change is added after five hours and after three days, and lasts an hour.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # before this folder, which has an `agent.py`

import numpy as np

from agent.budget import DEVICE_SHARE, AlarmsConfig, points_per_alarm
from agent.model import Signal, Stream
from detectors import make_series_detector
from detectors.host_series import HOST_SERIES, HostPoints
from detectors.series_watch import SeriesWatcher
from detectors.series_watched import SeriesKind
from detectors.stream_series import LATENCY, THROUGHPUT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Series = dict[str, NDArray[np.float64]]

DAY = 1_440
START_S = 1.7e9
LEVELS = {
    "temperature": (50.0, 4.0), "other programs": (0.2, 0.08), "memory": (0.4, 0.02), "throughput": (10.0, 2.0),
    "median latency": (0.01, 0.001),
}  # fmt: skip
CHANGES = {"temperature": 20.0, "other programs": 0.5, "memory": 0.2, "throughput": -8.0, "median latency": 0.01}
ROWS = {row.name: row for row in HOST_SERIES}
KINDS = {"throughput": THROUGHPUT, "median latency": LATENCY} | {
    name: SeriesKind(Signal(name, "host", "continuous", row.unit), row.ways, row.least, row.share)
    for name, row in ROWS.items()
    if name in LEVELS
}


def slow_noise(rng: np.random.Generator, count: int, memory: float) -> NDArray[np.float64]:
    """AR(1) of unit variance."""
    steps: NDArray[np.float64] = rng.normal(size=count) * np.sqrt(1 - memory**2)
    for at in range(1, count):
        steps[at] += memory * steps[at - 1]
    return steps


def quiet(family: str, rng: np.random.Generator, count: int) -> Series:
    """Simulate minutes of every series."""
    day = np.sin(2 * np.pi * np.arange(count) / DAY)
    busy = np.zeros(count)
    for begin in np.flatnonzero(rng.random(count) < 1 / 400):
        busy[begin : begin + 1 + int(rng.exponential(12))] = 0.3 + 0.5 * rng.random()
    jobs = {"temperature": 15.0, "other programs": 1.0, "memory": 0.1, "throughput": -3.0, "median latency": 0.002}
    values = {}
    for name, (level, spread) in LEVELS.items():
        noise = {
            "independent": lambda: rng.normal(size=count),
            "slow noise": lambda: slow_noise(rng, count, 0.97),
            "daily": lambda: 2 * day + slow_noise(rng, count, 0.9),
            "heavy tails": lambda: rng.standard_t(2, count),
            "jobs": lambda: 0.3 * rng.normal(size=count),
        }[family]()
        extra = jobs[name] * busy if family == "jobs" else 0.0
        values[name] = np.abs(level + spread * noise + extra)
    return values


def episodes(series: Series, names: Iterable[str] = LEVELS) -> list[tuple[int, str]]:
    """Return when an alarm began, and of which series."""
    alarms_per = points_per_alarm(AlarmsConfig(), DEVICE_SHARE, 60)
    watch = SeriesWatcher(Stream(model="device"), HostPoints(1), make_series_detector, alarms_per)
    found: list[tuple[int, str]] = []
    before: set[str] = set()
    for minute in range(len(series["memory"])):
        points = {name: (KINDS[name], float(series[name][minute])) for name in names}
        now = {score.signal.name for score in watch.judge(points, START_S + 60 * minute)}
        found += [(minute, name) for name in now - before]
        before = now
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    print("| quiet minutes | device-days | false alarms | seen within an hour of 5, after 5 h | after 3 days |")
    print("|---|---|---|---|---|")
    began, points = time.process_time(), 0
    for family in ("independent", "slow noise", "daily", "heavy tails", "jobs"):
        false = 0
        for seed in range(options.seeds):
            series = quiet(family, np.random.default_rng(seed), options.days * DAY)
            false += len({minute for minute, _ in episodes(series)})
            points += len(LEVELS) * options.days * DAY
        seen = []
        for history in (300, 3 * DAY):
            series = quiet(family, np.random.default_rng(99), history + 60)
            changed = {name: values.copy() for name, values in series.items()}
            for name, change in CHANGES.items():
                changed[name][history:] = np.abs(changed[name][history:] + change)
            delays = [minute - history + 1 for minute, _ in episodes(changed) if minute >= history]
            points += len(LEVELS) * (history + 60)
            seen.append(f"{len(delays)} ({', '.join(map(str, sorted(delays)))} min)" if delays else "0")
        print(f"| {family} | {options.days * options.seeds} | {false} | {seen[0]} | {seen[1]} |", flush=True)
    print(f"\n{(time.process_time() - began) / points * 1e6:.0f} µs of processor time a point")


if __name__ == "__main__":
    main()
