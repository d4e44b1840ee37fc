"""The camera: digits drawn at random, as a small sensor sees them; needs numpy alone.

The path of an image is that of a real one: light, perhaps changed by lens and lamp, then the sensor's black level,
flicker and noise, then eight bits. The black level keeps noise from being cut off at 0, so that no healthy pixel is
ever constant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from examples.meter_camera.faults import FAULTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from examples.meter_camera.digits import Digits

BLACK_LEVEL = 0.10
WHITE_RANGE = 0.75  # full light is read as black level plus this: below 1 by five deviations of the noise
NOISE = 0.03
FLICKER = 0.01  # relative, from image to image
FULL_SCALE = 255


def expose(light: NDArray[np.float32], rng: np.random.Generator, noise: float = NOISE) -> NDArray[np.float32]:
    """Read light out of the sensor.

    Parameters
    ----------
    light
        float32, [..., 8, 8], 0 is dark and 1 is paper in full light.
    rng
        Source of flicker and noise.
    noise
        Standard deviation of the noise, as a share of the sensor's range.

    Returns
    -------
    NDArray[np.float32]
        Pixels of the same shape in [0, 1], in steps of 1/255.
    """
    flicker = 1 + FLICKER * rng.standard_normal((*light.shape[:-2], 1, 1))
    signal = BLACK_LEVEL + WHITE_RANGE * flicker * light + noise * rng.standard_normal(light.shape)
    return (np.rint(np.clip(signal, 0, 1) * FULL_SCALE) / FULL_SCALE).astype(np.float32)


class Camera:
    """A camera over a belt of digits, healthy until it is asked for an image with a fault.

    Parameters
    ----------
    digits
        What comes by, each as likely as any other.
    seed
        The same seed shows the same digits with the same noise.
    fault
        A name in FAULTS, or None.
    """

    def __init__(self, digits: Digits, seed: int, fault: str | None = None) -> None:
        self._rng = np.random.default_rng(seed)
        self._healthy = digits
        self._fault = FAULTS[fault] if fault else None
        self._faulty = digits.of_classes(self._fault.classes) if self._fault and self._fault.classes else digits

    def take(self, severity: float = 0.0) -> tuple[NDArray[np.float32], int]:
        """Take one image, and say what it truly shows.

        Parameters
        ----------
        severity
            Of the fault: 0 is health, 1 its full extent.

        Returns
        -------
        tuple[NDArray[np.float32], int]
            Pixels, shape (1, 1, 8, 8) in [0, 1], and the digit.
        """
        fault = self._fault if severity > 0 else None
        digits = self._faulty if fault else self._healthy
        chosen = int(self._rng.integers(len(digits)))
        light = digits.ink[chosen]
        if fault and fault.light:
            light = fault.light(light, severity)
        pixels = expose(light, self._rng)
        if fault and fault.pixels:
            pixels = fault.pixels(pixels)
        return pixels[None, None], int(digits.labels[chosen])
