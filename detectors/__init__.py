"""What judges a stream: its reference, and the detectors that compare with it.

`FACTORIES` names every detector that a stream gets: name -> factory(reference, alarms_per), `alarms_per` being the
inferences in which one false alarm may be expected of it (the quality checks stand outside that budget).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.accuracy import AccuracyDetector
from detectors.errors import ErrorDetector
from detectors.latency import LatencyDetector
from detectors.quality import QualityDetector
from detectors.reference import Reference, decode_reference, fit_reference
from detectors.series import SeriesDetector, Verdict, make_series_detector
from detectors.shift import ShiftDetector, make_shift_detector
from detectors.wrong import WrongDetector

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.ports import Detector

FACTORIES: Mapping[str, Callable[[Reference, float], Detector]] = {
    "shift": ShiftDetector,
    "latency": LatencyDetector,
    "quality": QualityDetector,
    "errors": ErrorDetector,
    "accuracy": AccuracyDetector,
}

# What judges the error stream of a stream whose truth is told: a row a label, its one signal `wrong` 0 or 1.
ERROR_FACTORIES: Mapping[str, Callable[[Reference, float], Detector]] = {"labels": WrongDetector}

__all__ = [
    "ERROR_FACTORIES",
    "FACTORIES",
    "Reference",
    "SeriesDetector",
    "Verdict",
    "decode_reference",
    "fit_reference",
    "make_series_detector",
    "make_shift_detector",
]
