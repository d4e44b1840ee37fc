"""Faults of a camera that only show over several frames: one frame again and again, pixels that stopped changing.

What is remembered is bounded: one frame and two counts a pixel, of at most MAX_PIXELS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from agent.model import Signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAULT_SIGNALS = (Signal("repeated_frame", "input", "flag"), Signal("stuck_pixels", "input", "flag", "{pixel}"))
MAX_PIXELS = 16_384
STUCK_FRAMES = 100
_EXPECTED_CHANGES = (
    20  # a pixel at rest for as long as it used to need for so many changes is at rest no more by chance
)
_STEP = 64  # below STUCK_FRAMES, so that a pixel can only be found stuck if it rested before the step as well


class FrameMemory:
    """Sees the frames of one image input in order, and flags what does not change though it should.

    `repeated_frame` is 1 for a frame that equals the one before, bit by bit. `stuck_pixels` counts the stored values
    that have not changed for STUCK_FRAMES frames, and for far longer than they used to, although most of the picture
    did. What never changed at all (a mask, a border, an overlay) is part of the scene. Repeated frames do not count as
    time: a service may look at a slow camera often.
    """

    def __init__(self) -> None:
        self._last: NDArray[Any] | None = None
        self._shown = 0.0

    def observe(self, frames: NDArray[Any]) -> NDArray[np.float32]:
        """Take frames [n, values] in; return [n, 2], both flags for each."""
        bits = np.ascontiguousarray(frames[:, :MAX_PIXELS]).view(np.dtype(f"u{frames.dtype.itemsize}"))
        out = np.zeros((len(bits), 2), np.float32)
        if not bits.size:
            return out
        last = self._last
        if last is None or last.shape != bits[0].shape or last.dtype != bits.dtype:
            last = self._start(bits[0])
        for start in range(0, len(bits), _STEP):
            step = bits[start : start + _STEP]
            before = np.concatenate([last[None], step[:-1]])
            changed = step != before
            moved = changed.any(axis=1)
            if self._frames == 0 and start == 0:
                moved[0] = True  # the very first frame repeats nothing
            flags = out[start : start + _STEP]
            flags[:, 0] = ~moved
            flags[:, 1] = self._stuck(changed, moved)
            last = step[-1]
        self._last = last.copy()
        return out

    def _start(self, frame: NDArray[Any]) -> NDArray[Any]:
        self._rest = np.zeros(len(frame), np.int64)  # frames since the value changed
        self._changes = np.zeros(len(frame), np.int64)
        self._frames = 0
        self._shown = 0.0
        return frame

    def _stuck(self, changed: NDArray[np.bool_], moved: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return the number of stuck values after each frame of a step; a repeated frame keeps the count before it."""
        live = changed if moved.all() else changed[moved]
        if not len(live):
            return np.full(len(moved), self._shown, np.float32)
        counts = self._count(live)
        position = np.cumsum(moved) - 1
        shown = np.where(position < 0, np.float32(self._shown), counts[np.maximum(position, 0)])
        self._shown = float(shown[-1])
        return shown.astype(np.float32, copy=False)

    def _count(self, changed: NDArray[np.bool_]) -> NDArray[np.float32]:
        n, pixels = changed.shape
        counts = np.zeros(n, np.float32)
        sums = changed.sum(axis=0)
        rested = np.flatnonzero((self._rest + n >= STUCK_FRAMES) & (sums < n))
        if len(rested):
            first = np.where(sums[rested] > 0, changed[:, rested].argmax(axis=0), n)
            run = self._rest[rested] + np.arange(1, n + 1)[:, None]
            resting = (np.arange(n)[:, None] < first) & (run >= STUCK_FRAMES)
            # changes per frame before the rest began, times the length of the rest
            due = run * self._changes[rested] / np.maximum(self._frames - self._rest[rested], 1)
            picture_moves = resting.sum(axis=1) < pixels / 2
            counts[:] = np.where(picture_moves, (resting & (due >= _EXPECTED_CHANGES)).sum(axis=1), 0)
        trailing = np.where(sums > 0, changed[::-1].argmax(axis=0), n)
        self._rest = np.where(sums > 0, trailing, self._rest + n)
        self._changes += sums
        self._frames += n
        return counts
