"""What can go wrong with the camera, one row of FAULTS each; needs numpy alone.

A fault acts at one place: on the light that reaches the sensor, on the pixels read out of it, on which digits come
by, or on the time that an inference takes. Severity grows from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

HAZE = 0.5  # share of the light that a wholly fouled lens scatters
VEIL = 0.45  # brightness of what it scatters
BLUR_PIXELS = 1.0  # standard deviation of its blur
DIMMED = 0.4  # light left when the lamp is 60 % dimmer
TURN_DEGREES = 30.0
STUCK_AT = (1, 6)  # row and column, beside most digits
FEW_CLASSES = (1, 4, 7)
DELAY_SECONDS = 0.020


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong; `text` says it to people, as the end of a sentence in the present tense."""

    text: str
    seconds_to_grow: float = 0.0
    light: Callable[[NDArray[np.float32], float], NDArray[np.float32]] | None = None
    pixels: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None
    classes: tuple[int, ...] = ()
    delay_seconds: float = 0.0


def blur(image: NDArray[np.float32], deviation: float) -> NDArray[np.float32]:
    """Blur with a Gaussian of this standard deviation in pixels; each pixel's weights sum to 1, edges included."""
    if deviation <= 0:
        return image
    place = np.arange(len(image))
    weights = np.exp(-0.5 * ((place[:, None] - place) / deviation) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    return (weights @ image @ weights.T).astype(np.float32)


def foul(light: NDArray[np.float32], severity: float) -> NDArray[np.float32]:
    """Look through a lens that gathers dirt: a veil of scattered light, and blur."""
    haze = HAZE * severity
    return ((1 - haze) * blur(light, BLUR_PIXELS * severity) + haze * VEIL).astype(np.float32)


def dim(light: NDArray[np.float32], severity: float) -> NDArray[np.float32]:
    """Take light away."""
    return (light * (1 - (1 - DIMMED) * severity)).astype(np.float32)


def rotate(image: NDArray[np.float32], degrees: float) -> NDArray[np.float32]:
    """Turn anticlockwise about the centre, bilinearly; what comes in from outside is dark.

    >>> corner = np.zeros((8, 8), np.float32)
    >>> corner[0, 7] = 1
    >>> np.argwhere(rotate(corner, 90) > 0.99).tolist()
    [[0, 0]]
    """
    size = len(image)
    centre = (size - 1) / 2
    angle = np.deg2rad(degrees)
    row, column = np.mgrid[0:size, 0:size] - centre
    from_row = np.cos(angle) * row + np.sin(angle) * column + centre
    from_column = -np.sin(angle) * row + np.cos(angle) * column + centre
    # A dark border of one pixel all round lets every neighbour be read; farther out is clipped onto it.
    bordered = np.pad(image, 1)
    from_row = np.clip(from_row + 1, 0, size + 1)
    from_column = np.clip(from_column + 1, 0, size + 1)
    top = np.minimum(from_row.astype(int), size)
    left = np.minimum(from_column.astype(int), size)
    down, right = from_row - top, from_column - left
    upper = (1 - right) * bordered[top, left] + right * bordered[top, left + 1]
    lower = (1 - right) * bordered[top + 1, left] + right * bordered[top + 1, left + 1]
    turned: NDArray[np.float32] = ((1 - down) * upper + down * lower).astype(np.float32)
    return turned


def turn(light: NDArray[np.float32], severity: float) -> NDArray[np.float32]:
    """Look through a camera that came loose and turned."""
    return rotate(light, TURN_DEGREES * severity)


def stick(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Read out a sensor with one pixel that is always full."""
    stuck = pixels.copy()
    stuck[STUCK_AT] = 1.0
    return stuck


FAULTS = {
    "fouling": Fault("the lens fouls: haze and blur grow over 10 s", seconds_to_grow=10.0, light=foul),
    "dim": Fault("the lamp dims by 60 %", light=dim),
    "rotate": Fault("the camera turns by 30 degrees", light=turn),
    "stuck-pixel": Fault("one pixel of the sensor sticks at full brightness", pixels=stick),
    "class-mix": Fault("only the digits 1, 4 and 7 come by", classes=FEW_CLASSES),
    "slow": Fault("each inference takes 20 ms longer", delay_seconds=DELAY_SECONDS),
}
