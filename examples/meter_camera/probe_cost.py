"""Measures what watching adds to one call, where the service runs and just before it starts.

A stand-in answers at once, bare and watched in turn, so that both see the same machine; the figure is the median of
the differences. The ring it writes lies in a directory of its own, where no agent looks.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time

import driftline
import numpy as np

from examples.meter_camera.session import INPUT, StandIn

CALLS = 2_000
WARM_UP = 200


def measure(calls: int = CALLS) -> float:
    """Return the median of what a watched call takes longer than a bare one, in nanoseconds."""
    ours = os.environ.get("DRIFTLINE_RUN")
    with tempfile.TemporaryDirectory(prefix="driftline-cost-") as directory:
        os.environ["DRIFTLINE_RUN"] = directory
        try:
            return _median_difference(calls)
        finally:
            if ours is None:
                del os.environ["DRIFTLINE_RUN"]
            else:
                os.environ["DRIFTLINE_RUN"] = ours


def _median_difference(calls: int) -> float:
    bare = StandIn()
    watched = driftline.watch(StandIn(), model="probe-cost")
    image = {INPUT: np.zeros((1, 1, 8, 8), np.float32)}
    added = []
    for _ in range(WARM_UP + calls):
        started = time.perf_counter_ns()
        bare.run(None, image)
        between = time.perf_counter_ns()
        watched.run(None, image)
        added.append(time.perf_counter_ns() - between - (between - started))
    return statistics.median(added[WARM_UP:])
