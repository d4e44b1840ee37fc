"""Faults of a model on sensor readings: synthetic rows whose truth is known, a row of FAULTS each.

A plant in one of three modes; five sensors and a valve follow the mode, one of them with a memory of many rows, and a
classifier names the mode. What goes wrong acts on the sensors, the coding, the mix of modes, the model, or the machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from agent.model import Block, Reading, Signal, Stream, StreamChange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

STEP_NS = 10_000_000
BEGAN_NS = 1_700_000_000_000_000_000
CHUNK = 50
USUAL_S = 0.004
CORES = 4.0
STREAM = Stream(model="plant", sha256="ab" * 32, pid=4_242)
SENSORS = ("temperature", "pressure", "flow", "vibration", "current")
SIGNALS = (
    *(Signal(name, "input") for name in SENSORS),
    Signal("valve", "input", "categorical"),
    Signal("prediction", "output", "categorical"),
    Signal("confidence", "output"),
    Signal("latency", "runtime", "continuous", "s"),
)
# Row: mode; columns: the five sensors.
CENTRES = np.array([[60.0, 3.0, 12.0, 0.2, 5.0], [66.0, 3.6, 15.0, 0.3, 6.5], [57.0, 2.5, 19.0, 0.5, 8.0]])
SPREADS = np.array([3.0, 0.3, 2.0, 0.08, 0.7])


@dataclass
class Plant:
    """Everything of one run, to be spoiled from `onset` on."""

    rng: np.random.Generator
    onset: int
    mode: NDArray[np.int64]
    sensors: Values  # [n, 5]
    valve: Values
    latency: Values
    weights: Values = field(default_factory=lambda: np.ones(5))  # of the model after the onset
    host: dict[str, float] = field(default_factory=dict)  # readings from the onset on, beside a quiet host's
    pace: float = 1.0  # times the usual, from the onset on
    changed_at: int | None = None  # row at which another model file was seen

    @property
    def after(self) -> slice:
        """The rows with the fault."""
        return slice(self.onset, None)


def _scaled(name: str, change: Callable[[Values, Plant], Values]) -> Callable[[Plant], None]:
    def spoil(plant: Plant) -> None:
        column = plant.sensors[plant.after, SENSORS.index(name)]
        column[:] = change(column, plant)

    return spoil


def _any_sensor(change: Callable[[Values, Plant, float], Values]) -> Callable[[Plant], None]:
    """Spoil one sensor, drawn with the seed; the change is told its spread."""

    def spoil(plant: Plant) -> None:
        at = int(plant.rng.integers(len(SENSORS)))
        column = plant.sensors[plant.after, at]
        column[:] = change(column, plant, float(plant.sensors[:, at].std()))

    return spoil


def _mix(plant: Plant) -> None:
    rows = len(plant.mode) - plant.onset
    plant.mode[plant.after] = plant.rng.choice(3, rows, p=(0.1, 0.75, 0.15))
    fresh = _measure(plant.mode[plant.after], plant.rng)
    plant.sensors[plant.after], plant.valve[plant.after] = fresh[0], fresh[1]


def _season(plant: Plant) -> None:
    plant.sensors[plant.after] += SPREADS * np.array([1.2, -0.9, 1.0, 0.2, -0.8])


def _new_category(plant: Plant) -> None:
    valve = plant.valve[plant.after]
    valve[plant.rng.random(len(valve)) < 0.12] = 7


def _swap(plant: Plant) -> None:
    plant.weights = np.array([0.0, 0.2, 0.1, 0.0, 3.0])


def _swap_seen(plant: Plant) -> None:
    _swap(plant)
    plant.changed_at = plant.onset - 1


def _missing_after_swap(plant: Plant) -> None:
    plant.changed_at = -60_000  # ten minutes before the first row
    plant.sensors[plant.after, 2] = np.where(
        plant.rng.random(len(plant.mode) - plant.onset) < 0.3, np.nan, plant.sensors[plant.after, 2]
    )


def _slower(factor: float, pace: float = 1.0, **host: float) -> Callable[[Plant], None]:
    def spoil(plant: Plant) -> None:
        plant.latency[plant.after] *= factor
        plant.host, plant.pace = host, pace

    return spoil


def _asked(plant: Plant) -> None:
    plant.latency[plant.after] *= 4
    plant.pace = 2.5


def _gaps(column: Values, plant: Plant, _: float) -> Values:
    return np.where(plant.rng.random(len(column)) < 0.3, np.nan, column)


ONE_CALLER = 0.4  # times the usual pace: who waits for each answer asks less often of a service that is slow
# Name: what is done, the classes that are right, and a word of the right cause's name. Sensor and data are both right
# where a reading is lost or coded otherwise: rows alone cannot tell a broken sensor from broken code that reads it.
EITHER = ("sensor", "data")
FAULTS: dict[str, tuple[Callable[[Plant], None], tuple[str, ...], str]] = {
    "bias": (_any_sensor(lambda x, _, spread: x + 1.2 * spread), ("sensor",), "reads differently"),
    "stuck": (_any_sensor(lambda x, *_: np.full_like(x, x[0])), ("sensor",), "stuck"),
    "noisy": (_any_sensor(lambda x, p, spread: x + 1.7 * spread * p.rng.normal(size=len(x))), ("sensor",), "noisier"),
    "gaps": (_any_sensor(_gaps), EITHER, "missing"),
    "gone": (_any_sensor(lambda x, *_: np.full_like(x, np.nan)), EITHER, "missing"),
    "unit": (_scaled("temperature", lambda x, _: x * 1.8 + 32), EITHER, "out of range"),
    "filled": (
        _any_sensor(lambda x, p, _: np.where(p.rng.random(len(x)) < 0.3, np.median(x), x)), EITHER, "repeats one value",
    ),
    "new category": (_new_category, ("data",), "category"),
    "class mix": (_mix, ("world",), "mix of classes"),
    "season": (_season, ("world",), "what is measured"),
    "model swap": (_swap, ("model",), "answers differently"),
    "model swap seen": (_swap_seen, ("model",), "model file"),
    "gaps after swap": (_missing_after_swap, EITHER, "missing"),
    "throttled": (_slower(4, **{"system.cpu.throttled": 1.0, "hw.temperature": 88.0}), ("device",), "protection"),
    "other load": (
        _slower(4, ONE_CALLER, **{"system.cpu.utilization": 0.97, "process.cpu.slowdown": 4.0}),
        ("load",), "other programs",
    ),
    "asleep beside load": (
        _slower(6, ONE_CALLER, **{"system.cpu.utilization": 0.97, "process.cpu.slowdown": 1.6}),
        ("device",), "service itself",
    ),
    "more asked": (_asked, ("load",), "more inferences"),
    "own slowness": (
        _slower(4, **{"process.cpu.utilization": 3.9, "system.cpu.utilization": 0.99}), ("device",), "service itself",
    ),
}  # fmt: skip
QUIET_HOST = {
    "system.cpu.logical.count": CORES, "system.cpu.utilization": 0.2, "process.cpu.utilization": 0.3,
    "process.cpu.slowdown": 1.02,
    "hw.temperature": 52.0, "system.cpu.throttled": 0.0, "system.memory.utilization": 0.5,
}  # fmt: skip


def _measure(mode: NDArray[np.int64], rng: np.random.Generator) -> tuple[Values, Values]:
    n = len(mode)
    noise = rng.normal(size=(n, 5))
    noise[:, 3] = rng.standard_t(4, n) / np.sqrt(2)
    wander = noise[:, 0].copy()
    for at in range(1, n):
        wander[at] = 0.8 * wander[at - 1] + 0.6 * noise[at, 0]
    noise[:, 0] = wander
    noise[:, 1] = 0.6 * noise[:, 0] + 0.8 * noise[:, 1]
    valve = (mode + (rng.random(n) < 0.1) * rng.integers(0, 3, n)) % 3
    return CENTRES[mode] + SPREADS * noise, valve.astype(float)


def make_plant(fault: str, seed: int, onset: int, rows: int) -> Plant:
    """Draw a run and spoil it."""
    rng = np.random.default_rng((seed, 2))
    mode = rng.choice(3, rows, p=(0.5, 0.3, 0.2))
    sensors, valve = _measure(mode, rng)
    plant = Plant(rng, onset, mode, sensors, valve, rng.gamma(25, USUAL_S / 25, rows))
    if fault:
        FAULTS[fault][0](plant)
    return plant


def blocks(plant: Plant) -> Iterator[Block]:
    """Yield the run in blocks, the model's answers included."""
    distance = ((plant.sensors[:, None] - CENTRES) / SPREADS) ** 2
    weights = np.ones((len(plant.mode), 1, 5))
    weights[plant.after] = plant.weights
    scores = -np.nansum(distance * weights, axis=2) / 4
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    told = (chances.argmax(axis=1), chances.max(axis=1), plant.latency)
    values = np.column_stack((plant.sensors, plant.valve, *told)).astype(np.float32)
    steps = np.full(len(values), STEP_NS, np.int64)
    steps[plant.after] = round(STEP_NS / plant.pace)
    times = BEGAN_NS + np.cumsum(steps)
    for at in range(0, len(values), CHUNK):
        part = slice(at, at + CHUNK)
        yield Block(
            stream=STREAM, signals=SIGNALS, time_ns=times[part], latency_s=plant.latency[part],
            status=np.zeros(len(times[part]), np.uint8), values=values[part],
        )  # fmt: skip


def host(plant: Plant, row: int) -> tuple[Reading, ...]:
    """Return what the host says at a row."""
    now = QUIET_HOST | (plant.host if row >= plant.onset else {})
    own = (("pid", str(STREAM.pid)), ("model", STREAM.model))
    labels = {
        "process.cpu.utilization": own, "process.cpu.slowdown": own,
        "hw.temperature": (("sensor", "cpu"),), "system.memory.utilization": (("state", "used"),),
    }  # fmt: skip
    when = BEGAN_NS + row * STEP_NS
    return tuple(Reading(name, "1", value, when, labels.get(name, ())) for name, value in now.items())


def changes(plant: Plant) -> tuple[StreamChange, ...]:
    """Return what is known of the model file."""
    if plant.changed_at is None:
        return ()
    other = Stream(model=STREAM.model, sha256="cd" * 32)
    return (StreamChange(stream=other, kind="opened", time_ns=BEGAN_NS + plant.changed_at * STEP_NS),)
