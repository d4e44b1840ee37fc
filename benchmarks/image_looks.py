"""What is measured of images in benchmarks that have no probe and no collector between camera and detector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOOKS = ("brightness", "contrast", "sharpness", "tilt")


def looks(images: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Give LOOKS [n, 4] of images [n, height, width], as `collectors.signals.image` does."""
    flat = images.reshape(len(images), -1)
    laplacian = 4 * images[:, 1:-1, 1:-1] - images[:, :-2, 1:-1] - images[:, 2:, 1:-1]
    laplacian -= images[:, 1:-1, :-2] + images[:, 1:-1, 2:]
    across, down = images[:, 1:-1, 2:] - images[:, 1:-1, :-2], images[:, 2:, 1:-1] - images[:, :-2, 1:-1]
    energy = (across**2 + down**2).sum(axis=(1, 2))
    variance = flat.var(axis=1)
    return np.column_stack(
        (
            flat.mean(axis=1),
            np.sqrt(variance),
            (laplacian**2).mean(axis=(1, 2)) / variance,
            2 * (across * down).sum(axis=(1, 2)) / energy,
        )
    )
