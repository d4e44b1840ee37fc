"""The model as the camera's service runs it: ONNX Runtime on one thread, with room for two experiments.

Both are subclasses of the runtime's own session, so that whatever wraps one sees what it would see in any service.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]

MODEL = Path(__file__).with_name("model.onnx")
INPUT = "image"


def options() -> onnxruntime.SessionOptions:
    """One thread: the model is far too small to share out."""
    chosen = onnxruntime.SessionOptions()
    chosen.intra_op_num_threads = 1
    chosen.inter_op_num_threads = 1
    return chosen


class MeterSession(onnxruntime.InferenceSession):  # type: ignore[misc]  # the runtime ships no types
    """The meter reader; `delay_seconds` makes each inference slower, as a throttled processor would."""

    delay_seconds = 0.0

    def __init__(self) -> None:
        super().__init__(MODEL, options(), providers=["CPUExecutionProvider"])

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Infer, after the delay."""
        if self.delay_seconds:
            time.sleep(self.delay_seconds)
        return super().run(*args, **kwargs)


class StandIn(MeterSession):
    """A session that answers at once, with arrays like the model's: what is left to time is what wraps it."""

    def __init__(self) -> None:
        super().__init__()
        self._answer = [np.full((1, 10), 0.1, np.float32)]

    def run(self, *_args: Any, **_kwargs: Any) -> Any:
        """Give the same answer again."""
        return self._answer
