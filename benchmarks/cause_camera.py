"""The demo's camera, model, probe and ring in one process, without real time: what `driftline demo --drift` would see.

Everything between the image and the signals is the product's own: `driftline.watch` writes the ring, the ring collector
reads it and computes the signals. Only the clock is not: rows are dated a hundred a second, and latencies are drawn.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import driftline
import numpy as np

from agent.clock import SystemClock
from agent.model import Block
from collectors.rings import RingCollector
from examples.meter_camera import digits
from examples.meter_camera.camera import Camera
from examples.meter_camera.faults import FAULTS, blur
from examples.meter_camera.session import INPUT, MeterSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Pixels = NDArray[np.float32]
    Spoil = Callable[[Pixels, Pixels, np.random.Generator], Pixels]

STEP_NS = 10_000_000  # a hundred images a second
BEGAN_NS = 1_700_000_000_000_000_000
CHUNK = 50  # images between two looks of the collector
USUAL_S = 0.0004  # a usual inference


# Faults that the demo does not have, on the pixels that the sensor reads out: (pixels, the frame before, chance).
MORE: dict[str, Spoil] = {
    "frozen": lambda _, before, __: before,
    "noise": lambda pixels, _, rng: np.clip(pixels + 0.08 * rng.normal(size=pixels.shape), 0, 1).astype(np.float32),
    "glare": lambda pixels, _, __: np.minimum(pixels * 1.25 + 0.1, 1.0).astype(np.float32),
    "blurred": lambda pixels, _, __: blur(pixels[0, 0], 0.8)[None, None],
}
MILD = 0.4  # severity of "mild" faults


class AheadClock(SystemClock):
    """A clock a second ahead: no record is too young to be read."""

    def monotonic_ns(self) -> int:
        """Nanoseconds since boot, and one second."""
        return super().monotonic_ns() + 1_000_000_000


class CameraBench:
    """Makes the blocks of one run after another; `with` it, so that its rings go away."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="driftline-cause-")
        self._session = MeterSession()
        self._digits = digits.load()[1]
        self._runs = 0

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the rings."""
        self._directory.cleanup()

    def blocks(self, fault: str, seed: int, onset: int, rows: int) -> Iterator[Block]:
        """Yield the blocks of `rows` inferences with a fault that begins at row `onset`.

        `fault` is one of FAULTS, "mild" before one of them, or one of MORE.
        """
        self._runs += 1
        place = Path(self._directory.name) / str(self._runs)
        place.mkdir(mode=0o700)
        watched = driftline.watch(self._session, model=f"meter-{self._runs}", run_dir=place, ring_mib=1)
        collector = RingCollector([place], AheadClock())
        name = fault.removeprefix("mild ")
        most = MILD if name != fault else 1.0
        camera = Camera(self._digits, seed, name if name in FAULTS else None)
        rng = np.random.default_rng((seed, 1))
        grows = FAULTS[name].seconds_to_grow * 1e9 / STEP_NS if name in FAULTS else 0.0
        delay_s = FAULTS[name].delay_seconds if name in FAULTS else 0.0
        spoil = MORE.get(name)
        done = 0
        image = camera.take()[0]
        for row in range(rows):
            severity = 0.0 if row < onset else min(1.0, (row - onset + 1e-3) / grows) if grows else 1.0
            fresh = camera.take(most * severity)[0]
            image = spoil(fresh, image, rng) if spoil and row >= onset else fresh
            watched.run(None, {INPUT: image})
            if (row + 1) % CHUNK and row + 1 < rows:
                continue
            for item in collector.collect():
                if isinstance(item, Block):
                    yield _dated(item, done, onset, delay_s, rng)
                    done += len(item)
        collector.close()
        if done != rows:
            raise RuntimeError(f"{rows} inferences made, {done} read")


def _dated(block: Block, first: int, onset: int, delay_s: float, rng: np.random.Generator) -> Block:
    row = first + np.arange(len(block))
    latency = rng.gamma(25, USUAL_S / 25, len(block)) + np.where(row >= onset, delay_s, 0.0)
    values = block.values.copy()
    for at, signal in enumerate(block.signals):
        if signal.role == "runtime":
            values[:, at] = latency
    return replace(block, time_ns=BEGAN_NS + row * STEP_NS, latency_s=latency, values=values)
