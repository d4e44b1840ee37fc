"""The inference service of the demo: reads images at a fixed rate through a watched model, and knows the truth.

    python -m examples.meter_camera.service --rate 100 --seconds 60 --seed 0 --drift fouling --onset 25

Images are due on an absolute schedule; a service that falls behind drops images as a camera does, and counts them.
What it knows and Driftline cannot see goes to stdout, one JSON object a line: `event` is ready, progress, onset or
end; every line carries the wall time and all counts. SIGTERM ends it cleanly, with the end line.
"""

from __future__ import annotations

import argparse
import json
import signal
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import driftline
import numpy as np

from examples.meter_camera import digits, probe_cost
from examples.meter_camera.camera import Camera
from examples.meter_camera.faults import FAULTS
from examples.meter_camera.session import INPUT, MeterSession

if TYPE_CHECKING:
    from types import FrameType

    from numpy.typing import NDArray

PROGRESS_SECONDS = 0.5


@dataclass
class Reading:
    """How many digits were read, and how many of them rightly."""

    images: int = 0
    correct: int = 0

    @property
    def accuracy(self) -> float | None:
        """Share read rightly; None before the first."""
        return self.correct / self.images if self.images else None


@dataclass
class Tally:
    """The truth about a run. `growing` is between the fault's onset and its full extent, `full` after that."""

    inferences: int = 0
    failures: int = 0
    dropped_images: int = 0
    first_failure: str | None = None
    onset_index: int | None = None
    onset_seconds: float | None = None
    before: Reading = field(default_factory=Reading)
    growing: Reading = field(default_factory=Reading)
    full: Reading = field(default_factory=Reading)

    def phase(self, severity: float) -> Reading:
        """Return where a reading at this severity counts."""
        if severity <= 0:
            return self.before
        return self.growing if severity < 1 else self.full


class Service:
    """The loop: an image, an inference, a count.

    Parameters
    ----------
    camera
        Where images come from.
    drift, onset
        The fault, and the seconds after the start at which it begins.
    rate
        Images a second.
    labelled
        How many images, the first ones, Driftline is told the truth about, as somebody who sets a camera up would.
    """

    def __init__(self, camera: Camera, *, drift: str | None, onset: float, rate: float, labelled: int = 0) -> None:
        self._camera = camera
        self._fault = FAULTS[drift] if drift else None
        self._onset = onset
        self._rate = rate
        self._session = MeterSession()
        self._labelled = labelled
        self._model = driftline.watch(self._session, model="meter-reader", ids=labelled > 0)
        self._stopping = False
        self.tally = Tally()

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """End after the image that is being read."""
        self._stopping = True

    def run(self, seconds: float) -> None:
        """Read images for that long, or until stopped."""
        started = time.monotonic()
        reported = 0.0
        due = 0
        total = round(seconds * self._rate)
        while due < total and not self._stopping:
            time.sleep(max(0.0, started + due / self._rate - time.monotonic()))
            elapsed = time.monotonic() - started
            self._one(self._severity(elapsed), elapsed)
            if elapsed - reported >= PROGRESS_SECONDS:
                reported = elapsed
                self.say("progress", elapsed)
            now_due = min(total, int((time.monotonic() - started) * self._rate))
            missed = max(0, now_due - due - 1)
            self.tally.dropped_images += missed
            due += 1 + missed
        self.say("end", time.monotonic() - started)

    def _severity(self, elapsed: float) -> float:
        if self._fault is None or elapsed < self._onset:
            return 0.0
        if not self._fault.seconds_to_grow:
            return 1.0
        # The first image with the fault has a severity above 0, however early it comes.
        return max(1e-6, min(1.0, (elapsed - self._onset) / self._fault.seconds_to_grow))

    def _one(self, severity: float, elapsed: float) -> None:
        if severity > 0 and self.tally.onset_index is None:
            self.tally.onset_index = self.tally.inferences
            self.tally.onset_seconds = elapsed
            self._session.delay_seconds = self._fault.delay_seconds if self._fault else 0.0
            self.say("onset", elapsed)
        image, truth = self._camera.take(severity)
        answer = self._infer(image)
        if self.tally.inferences < self._labelled and (key := driftline.last_id()) is not None:
            driftline.label(key, int(truth))
        self.tally.inferences += 1
        phase = self.tally.phase(severity)
        phase.images += 1
        phase.correct += answer == truth

    def _infer(self, image: NDArray[np.float32]) -> int | None:
        try:
            probabilities = self._model.run(None, {INPUT: image})[0]
            if probabilities.shape != (1, digits.CLASSES) or not np.isfinite(probabilities).all():
                raise ValueError(f"the model answered {probabilities!r}")  # noqa: TRY301  # counted like any failure
            return int(probabilities.argmax())
        except Exception as error:  # noqa: BLE001  # whatever fails is counted, said, and the next image is read
            self.tally.failures += 1
            self.tally.first_failure = self.tally.first_failure or f"{type(error).__name__}: {error}"
            return None

    def say(self, event: str, elapsed: float, **more: Any) -> None:
        """Write one line of truth."""
        say(event, seconds=round(elapsed, 4), **asdict(self.tally), **more)


def say(event: str, **what: Any) -> None:
    """Write one JSON line on stdout, at once."""
    print(json.dumps({"event": event, "time": datetime.now(UTC).isoformat(), **what}), flush=True)


def main() -> None:
    """Run the service as its arguments say."""
    parser = argparse.ArgumentParser(description="Read meter digits from a simulated camera through a watched model.")
    parser.add_argument("--rate", type=float, default=100.0, help="images a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long")
    parser.add_argument("--seed", type=int, default=0, help="of digits and noise")
    parser.add_argument("--drift", choices=sorted(FAULTS), help="what goes wrong; nothing, unless given")
    parser.add_argument("--onset", type=float, default=25.0, help="seconds after which it begins")
    parser.add_argument("--labelled", type=int, default=0, help="tell Driftline the truth about so many first images")
    given = parser.parse_args()

    _, held_out = digits.load()
    cost = probe_cost.measure()
    camera = Camera(held_out, given.seed, given.drift)
    service = Service(camera, drift=given.drift, onset=given.onset, rate=given.rate, labelled=given.labelled)
    signal.signal(signal.SIGTERM, service.stop)
    text = FAULTS[given.drift].text if given.drift else None
    service.say("ready", 0.0, probe_p50_ns=cost, fault=text, held_out_digits=len(held_out))
    service.run(given.seconds)


if __name__ == "__main__":
    main()
