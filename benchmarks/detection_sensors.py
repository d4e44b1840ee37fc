"""Sensors that packages ship: river's water flow, aeon's accelerometers.

aeon's wheel brings its data along, but asks for numba and an older pandas than Evidently's; only its files are read
here, never its code. `pip install --no-deps aeon==1.6.0` is enough, and where it is not, its cases are left out.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import river.datasets

from benchmarks.detection_cases import AFTER, BEFORE, QUIET, REFERENCE, Case, blocks_of, cut

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float64]

DAY = 24  # rows: the water flow is hourly
STRETCH = 256  # rows at 64 Hz: four seconds of a walk
WALKED = "Daphnet_S06R02E0/S06R02E0.csv"
MOTIONS = "BasicMotions/BasicMotions_{}.ts"
ACTIVITIES = ("Standing", "Walking", "Running", "Badminton")
LIMBS = tuple(f"{limb} {axis}" for limb in ("ankle", "leg", "trunk") for axis in ("forward", "vertical", "lateral"))


def aeon_data() -> Path | None:
    """Find aeon's data without loading aeon; None where it is not installed."""
    found = importlib.util.find_spec("aeon")
    return Path(found.origin).parent / "datasets" / "data" if found and found.origin else None


@cache
def water_flow() -> Rows:
    """Give whole days [n, 1] of litres a second, from the first midnight on."""
    path = Path(river.datasets.__file__).parent / "water-flow.csv"
    lines = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    first = next(at for at, (time, _) in enumerate(lines) if "T00:" in time)
    flow = np.array([float(value or "nan") for _, value in lines[first:]])
    return flow[: len(flow) // DAY * DAY, None]


@cache
def walk() -> Rows:
    """Give three accelerometers [n, 9] on a walking person, in recording order, in thousandths of g."""
    folder = aeon_data()
    assert folder is not None
    return np.loadtxt(folder / WALKED, delimiter=",", skiprows=1, usecols=range(1, 10))


@cache
def motions() -> dict[str, Rows]:
    """Give a watch's accelerometer and gyroscope [n, 6], ten rows a second, the recordings of each activity joined."""
    folder = aeon_data()
    assert folder is not None
    found: dict[str, list[Rows]] = {activity: [] for activity in ACTIVITIES}
    for part in ("TRAIN", "TEST"):
        text = (folder / MOTIONS.format(part)).read_text(encoding="utf-8")
        for line in text.partition("@data\n")[2].splitlines():
            *channels, activity = line.split(":")
            found[activity].append(np.array([channel.split(",") for channel in channels], float).T)
    return {activity: np.concatenate(recordings) for activity, recordings in found.items()}


def quiet_flow() -> Case:
    """Draw whole days."""
    rows = blocks_of(water_flow(), DAY, np.random.default_rng(1), REFERENCE + QUIET)
    return cut("water flow, days", "quiet", ("flow",), rows)


def leak(seed: int) -> Case:
    """Draw whole days, then days with half a standard deviation more."""
    rows = blocks_of(water_flow(), DAY, np.random.default_rng((2, seed)), REFERENCE + BEFORE + AFTER)
    rows[REFERENCE + BEFORE :] += 0.5 * np.nanstd(water_flow())
    return cut("water flow", "leak", ("flow",), rows, BEFORE)


def quiet_walk() -> Case:
    """Draw stretches of four seconds of the walk."""
    rows = blocks_of(walk(), STRETCH, np.random.default_rng(1), REFERENCE + QUIET)
    return cut("accelerometers, stretches", "quiet", LIMBS, rows)


def recorded_walk() -> Case:
    """Take the walk as it was recorded; whether it changes nobody knows."""
    return cut("accelerometers as recorded", "as recorded", LIMBS, walk())


def slipped(seed: int) -> Case:
    """Draw stretches, then such in which the sensor on the leg has turned by 30 degrees on its strap."""
    rows = blocks_of(walk(), STRETCH, np.random.default_rng((2, seed)), REFERENCE + BEFORE + AFTER)
    turned = rows[REFERENCE + BEFORE :, 3:5].copy()
    angle = np.radians(30)
    rows[REFERENCE + BEFORE :, 3:5] = turned @ np.array(
        ((np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle)))
    )
    return cut("accelerometers", "slipped", LIMBS, rows, BEFORE)


def other_activity(before: str, after: str) -> Case:
    """Take a watch's recordings of one activity in order, then another's: half of the first are the reference."""
    first, then = motions()[before], motions()[after]
    names = ("x", "y", "z", "roll", "pitch", "yaw")
    half = len(first) // 2
    return Case("watch", "other activity", names, first[:half], np.concatenate((first[half:], then)), len(first) - half)
