"""Object detectors: how many objects a frame has, and how sure the model is of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agent.model import Signal

if TYPE_CHECKING:
    from collectors.signals.stored import Slots, StoredPart, Values

_COUNTED = 0.5  # detectors pad their output with boxes of low score; above this most services act on one


class DetectionSignals:
    """`count`: boxes with a score of at least one half; `mean_score`: of those, missing where there are none.

    Parameters
    ----------
    scores
        The scores, one a box: [batch, boxes], or [boxes] for a single frame.

    """

    signals = (Signal("count", "output"), Signal("mean_score", "output", unit="1"))

    def __init__(self, scores: StoredPart) -> None:
        self._scores = scores

    def compute(self, slots: Slots) -> Values:
        """Return both signals."""
        scores = self._scores.read_floats(slots)
        counted = scores >= _COUNTED
        count = counted.sum(axis=2).astype(np.float32)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(counted, scores, 0).sum(axis=2) / count
        return np.stack([count, mean], axis=2).astype(np.float32, copy=False)


def looks_like_detection(boxes: StoredPart, scores: StoredPart) -> bool:
    """Tell whether two outputs are boxes and their scores, by names and shapes both: a guess here would mislead."""
    named = "box" in boxes.part.name.lower() and any(w in scores.part.name.lower() for w in ("score", "conf"))
    shape, other = boxes.part.shape, scores.part.shape
    return named and len(shape) >= 2 and shape[-1] == 4 and shape[:-1] == other and scores.dtype.kind == "f"  # noqa: PLR2004  # a box has 4 sides
