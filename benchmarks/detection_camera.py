"""scikit-learn's digits behind the example's lens, lamp and sensor, read by a logistic regression."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from benchmarks.detection_cases import AFTER, BEFORE, QUIET, REFERENCE, Case, cut
from benchmarks.image_looks import LOOKS, looks
from examples.meter_camera.camera import expose
from examples.meter_camera.faults import FAULTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float64]

FAULTY = {"fouling": 0.4, "dim": 0.4, "rotate": 0.5, "stuck-pixel": 1.0, "class-mix": 1.0}  # severity


class DigitsCamera:
    """The camera, and what is measured of each image."""

    names = (*LOOKS, "confidence", "prediction")

    def __init__(self) -> None:
        digits = load_digits()
        rng = np.random.default_rng(0)
        self.ink = (digits.images / 16).astype(np.float32)
        self.labels = digits.target
        self.served = rng.permutation(len(self.ink))
        train, self.served = self.served[:700], self.served[700:]
        pixels = expose(self.ink[train], rng).reshape(len(train), -1)
        self.model = LogisticRegression(max_iter=2_000).fit(pixels, self.labels[train])

    def rows(self, rng: np.random.Generator, count: int, fault: str | None = None) -> Rows:
        """Take images, healthy or with a fault at the severity of FAULTY, and measure them."""
        what, pool = FAULTS[fault] if fault else None, self.served
        if what and what.classes:
            pool = pool[np.isin(self.labels[pool], what.classes)]
        light = self.ink[rng.choice(pool, count)]
        if what and what.light and fault:
            look = what.light
            light = np.stack([look(image, FAULTY[fault]) for image in light])
        images = expose(light, rng)
        if what and what.pixels:
            images = np.stack([what.pixels(image) for image in images])
        flat = images.reshape(count, -1)
        chances = self.model.predict_proba(flat)
        return np.column_stack((looks(images), chances.max(axis=1), chances.argmax(axis=1)))


@cache
def camera() -> DigitsCamera:
    """Train the camera's model once a process."""
    return DigitsCamera()


def quiet_camera() -> Case:
    """Take images of healthy days."""
    rows = camera().rows(np.random.default_rng(1), REFERENCE + QUIET)
    return cut("digits camera", "quiet", camera().names, rows)


def faulty_camera(fault: str, seed: int) -> Case:
    """Take images before and after a fault."""
    rng = np.random.default_rng((200, seed))
    rows = np.concatenate([camera().rows(rng, REFERENCE + BEFORE), camera().rows(rng, AFTER, fault)])
    return cut("digits camera", fault, camera().names, rows, BEFORE)
