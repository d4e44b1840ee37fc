"""The handwritten digits and their fixed split; needs numpy alone.

Every third image is held out: the model never saw it, and the camera shows no other. The split is a rule and not a
draw, so that training and serving cannot disagree about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE = Path(__file__).with_name("digits.npz")
FULL_INK = 16  # the largest value in the file
CLASSES = 10


@dataclass(frozen=True)
class Digits:
    """Images of digits, as the share of each pixel that is ink, and what they show."""

    ink: NDArray[np.float32]  # [n, 8, 8] in [0, 1]
    labels: NDArray[np.int64]  # [n] 0 to 9

    def __len__(self) -> int:
        return len(self.labels)

    def of_classes(self, classes: tuple[int, ...]) -> Digits:
        """Keep the digits of some classes only."""
        chosen = np.isin(self.labels, classes)
        return Digits(self.ink[chosen], self.labels[chosen])


def load(path: Path = FILE) -> tuple[Digits, Digits]:
    """Return the digits to train on, and those held out.

    >>> train, held_out = load()
    >>> len(train), len(held_out)
    (1198, 599)
    """
    with np.load(path) as arrays:
        ink = arrays["images"].astype(np.float32) / FULL_INK
        labels = arrays["labels"].astype(np.int64)
    held_out = np.arange(len(labels)) % 3 == 2  # noqa: PLR2004  # the last of each three
    return Digits(ink[~held_out], labels[~held_out]), Digits(ink[held_out], labels[held_out])
