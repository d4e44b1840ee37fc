"""Which axis of an image is which, told from shape and dtype."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_CHANNELS = (1, 3, 4)
_LEAST_SIDE = 16  # of an image that comes without a batch; the probe counts rows by the same rule


@dataclass(frozen=True, slots=True)
class ImageLayout:
    """How one image of a batch lies in memory: `order` of height, width and channels, and whether axis 0 is a batch."""

    batched: bool
    order: Literal["HW", "HWC", "CHW"]

    def pieces(self, flat: NDArray[Any], shape: Sequence[int]) -> NDArray[Any]:
        """Return images [n, channels, height, width] (a view) of flat ones [n, elements] that have this shape."""
        kept = list(shape)
        while len(kept) > len(self.order) and kept[0] == 1:
            kept = kept[1:]
        images = flat.reshape(len(flat), *kept)
        if self.order == "HW":
            return images[:, None]
        return images if self.order == "CHW" else np.moveaxis(images, 3, 1)

    def fits(self, shape: Sequence[int]) -> bool:
        """Tell whether an array of this shape can be such an image, with a leading axis of 1 or without."""
        extra = len(shape) - len(self.order)
        return extra >= 0 and all(size == 1 for size in shape[:extra])


def image_layout(shape: Sequence[int], dtype: np.dtype[np.generic], kind: str) -> ImageLayout | None:
    """Tell how the array holds images, or None where it holds none.

    Images are arrays of rank 4 with 1, 3 or 4 channels first or last, and 8-bit ones of rank 3; `kind` "image" admits
    the other dtypes of rank 3, and rank 2.

    >>> image_layout((1, 3, 224, 224), np.dtype("f4"), "")
    ImageLayout(batched=True, order='CHW')
    >>> image_layout((480, 640, 3), np.dtype("u1"), "")
    ImageLayout(batched=False, order='HWC')
    """
    if kind not in {"", "image"}:
        return None
    if len(shape) == 4:  # noqa: PLR2004  # batch and three axes
        order = _order(shape[1:])
        return ImageLayout(batched=True, order=order) if order else None
    if kind != "image" and dtype != np.uint8:
        return None
    if len(shape) == 3:  # noqa: PLR2004  # an image with channels, or a batch of grey ones
        order = _order(shape) if sorted(shape)[1] >= _LEAST_SIDE else None
        return ImageLayout(batched=False, order=order) if order else ImageLayout(batched=True, order="HW")
    if len(shape) == 2 and min(shape) >= _LEAST_SIDE:  # noqa: PLR2004  # one grey image
        return ImageLayout(batched=False, order="HW")
    return None


def _order(shape: Sequence[int]) -> Literal["HWC", "CHW"] | None:
    """Tell where the channels are; where both ends could hold them, in the smaller one."""
    first, last = shape[0] in _CHANNELS, shape[-1] in _CHANNELS
    if first and (not last or shape[0] <= shape[-1]):
        return "CHW"
    return "HWC" if last else None
