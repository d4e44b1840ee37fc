"""Series anomalies: one number that arrives again and again, judged against its own past, in constant time a point."""

from __future__ import annotations

from detectors.series.detector import SeriesDetector, make_series_detector
from detectors.series.shape import POINTS as SHAPE_POINTS
from detectors.series.verdict import Shape, Verdict

__all__ = ["SHAPE_POINTS", "SeriesDetector", "Shape", "Verdict", "make_series_detector"]
