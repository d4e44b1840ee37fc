from __future__ import annotations

import msgspec
import pytest

from agent.model import AccuracyEstimate
from exporters.samples import Sampler
from tests.exporters.statuses import make_status, make_stream


@pytest.mark.parametrize("valid", [True, False])
def test_a_void_estimate_has_no_figure(*, valid: bool) -> None:
    """A valid estimate has its figure and its band, a void one neither: only that it is void."""
    estimate = AccuracyEstimate(rows=900, estimate=0.94, low=0.91, high=0.96, calibrated=True, valid=valid)
    stream = msgspec.structs.replace(make_stream(), accuracy=estimate)
    samples = Sampler().sample(msgspec.structs.replace(make_status(), streams=(stream,)))
    found = {name: list(series.values()) for name, series in samples.items() if "estimated_accuracy" in name}
    flags = {"driftline_estimated_accuracy_valid": [float(valid)], "driftline_estimated_accuracy_calibrated": [1.0]}
    figures = {
        "driftline_estimated_accuracy_ratio": [0.94],
        "driftline_estimated_accuracy_low_ratio": [0.91],
        "driftline_estimated_accuracy_high_ratio": [0.96],
    }
    assert found == (flags | figures if valid else flags)
