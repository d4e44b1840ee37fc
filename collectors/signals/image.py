"""Images: light, contrast, blur, clipping, colour and turning, from the pixels that were stored.

Each is one number an image, cheap, and about one way in which a camera goes wrong. Integer pixels are scaled to [0, 1]
by their dtype; floats are taken as they are, since only the reference knows what their range means.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from agent.model import Signal
from collectors.signals.image_faults import FAULT_SIGNALS, FrameMemory

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from collectors.signals.image_layout import ImageLayout
    from collectors.signals.stored import Slots, StoredPart, Values

    Pixels = NDArray[np.float32]

_BATCH_BYTES = 1 << 20  # worked on at a time, so that what is in hand stays in the cache
_COLOURS = 3
_GREY = (
    Signal("brightness", "input"),
    Signal("contrast", "input"),
    Signal("sharpness", "input"),
    Signal("saturation", "input", unit="1"),
    Signal("tilt", "input", unit="1"),
)
_COLOUR = Signal("colour_saturation", "input", unit="1")


class ImageSignals:
    """`brightness`, `contrast`, `sharpness`, `saturation`, `tilt`, for colour `colour_saturation`, and two fault flags.

    brightness, contrast: mean and standard deviation of the grey values.
    sharpness: energy of the Laplacian over contrast squared, which makes it about blur and not about light.
    saturation: fraction of the pixels at an end of the range: the dtype's for integers, the image's own for floats,
    where clipping shows as many pixels that share one extreme.
    tilt: 2 Σ gx·gy / Σ (gx² + gy²), the leaning of the gradients, in [-1, 1]: a turned camera changes it.
    colour_saturation: mean of (max - min) / max over red, green and blue.

    Parameters
    ----------
    stored
        The input. Where it was sampled, sharpness and tilt come from the contiguous patch.
    layout
        How its axes lie.
    memory
        What is remembered of the stream's earlier frames; lives as long as the stream.

    """

    def __init__(self, stored: StoredPart, layout: ImageLayout, memory: FrameMemory) -> None:
        self._stored = stored
        self._layout = layout
        self._memory = memory
        shape = stored.part.sample_shape if stored.sampled else stored.row_shape
        self._shape = tuple(shape)
        self._patch_shape = tuple(stored.part.patch_shape) if stored.sampled else None
        self._split = math.prod(shape)
        channels = layout.pieces(np.empty((1, self._split), np.uint8), self._shape).shape[1]
        self._colour = channels >= _COLOURS
        self.signals = (*_GREY, *((_COLOUR,) if self._colour else ()), *FAULT_SIGNALS)

    def compute(self, slots: Slots) -> Values:
        """Return the signals of every stored image."""
        raw = self._stored.read(slots)
        frames = raw.reshape(-1, self._stored.stored_size)
        out = np.full((len(frames), len(self.signals)), np.nan, np.float32)
        step = max(1, _BATCH_BYTES // max(1, 4 * self._stored.stored_size))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for start in range(0, len(frames), step):
                self._measure(frames[start : start + step], out[start : start + step])
        out[:, -2:] = self._memory.observe(frames[:, : self._split])
        return out.reshape(len(raw), self._stored.rows, -1)

    def _measure(self, frames: NDArray[Any], out: Pixels) -> None:
        top = np.iinfo(frames.dtype).max if frames.dtype.kind in "iu" else None
        sample = self._layout.pieces(frames[:, : self._split], self._shape)
        scaled = _scaled(sample, top)
        grey = _grey(scaled).reshape(len(frames), -1)
        out[:, 0] = grey.mean(axis=1)
        out[:, 1] = grey.std(axis=1)
        out[:, 3] = _at_the_ends(sample, top)
        if self._patch_shape is None:
            flat, variance = _grey(scaled), np.square(out[:, 1])
        else:
            flat = _grey(_scaled(self._layout.pieces(frames[:, self._split :], self._patch_shape), top))
            variance = flat.var(axis=(1, 2))
        out[:, 2] = _sharpness(flat, variance)
        out[:, 4] = _tilt(flat)
        if self._colour:
            out[:, 5] = _colourfulness(scaled[:, :_COLOURS])


def _scaled(pixels: NDArray[Any], top: int | None) -> Pixels:
    floats = pixels.astype(np.float32)
    return floats if top is None else np.multiply(floats, np.float32(1 / top), out=floats)


def _grey(pixels: Pixels) -> Pixels:
    """Return [n, height, width]; a fourth channel is transparency and says nothing."""
    return pixels[:, 0] if pixels.shape[1] < _COLOURS else pixels[:, :_COLOURS].mean(axis=1)


def _at_the_ends(pixels: NDArray[Any], top: int | None) -> Pixels:
    flat = pixels[:, :_COLOURS].reshape(len(pixels), -1)
    if top is None:
        low, high = flat.min(axis=1, keepdims=True), flat.max(axis=1, keepdims=True)
    else:
        low, high = np.iinfo(pixels.dtype).min, top
    ends: Pixels = ((flat == low) | (flat == high)).mean(axis=1, dtype=np.float32)
    return ends


def _sharpness(grey: Pixels, variance: Pixels) -> Pixels:
    """Return the energy of the Laplacian in units of the contrast; 0 for an even surface, missing below 3 by 3."""
    if min(grey.shape[1:]) < 3:  # noqa: PLR2004  # a pixel and its neighbours
        return np.full(len(grey), np.nan, np.float32)
    laplacian = grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:] + grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1]
    laplacian -= 4 * grey[:, 1:-1, 1:-1]
    energy = np.square(laplacian, out=laplacian).mean(axis=(1, 2))
    sharpness: Pixels = np.where(variance == 0, np.float32(0), energy / variance)
    return sharpness


def _tilt(grey: Pixels) -> Pixels:
    if min(grey.shape[1:]) < 3:  # noqa: PLR2004  # a pixel and its neighbours
        return np.full(len(grey), np.nan, np.float32)
    across = grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2]
    down = grey[:, 2:, 1:-1] - grey[:, :-2, 1:-1]
    both = np.einsum("nij,nij->n", across, down)
    total = np.einsum("nij,nij->n", across, across) + np.einsum("nij,nij->n", down, down)
    tilt: Pixels = np.where(total == 0, np.float32(0), 2 * both / total)
    return tilt


def _colourfulness(pixels: Pixels) -> Pixels:
    high, low = pixels.max(axis=1), pixels.min(axis=1)
    share = np.where(high > 0, (high - low) / high, np.float32(0))
    mean: Pixels = share.mean(axis=(1, 2), dtype=np.float32)
    return mean
