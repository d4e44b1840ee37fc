import re
from pathlib import Path

import pytest

from exporters import naming
from exporters.naming import HOST, METRICS, OWN, UNITS, Metric

BOUNDED = {"state", "result", "severity", "kind", "cause", "class", "sensor", "mountpoint", "quantile"}
LABELS = {"site", "device", "model", "version", "signal", "destination", "verdict"} | BOUNDED


def test_every_metric_is_declared_once() -> None:
    """No two declarations share a name, and none is left out of the table."""
    assert len(METRICS) == len(OWN) + len(HOST)
    declared = {id(value) for value in vars(naming).values() if isinstance(value, Metric)}
    assert declared == {id(metric) for metric in OWN}


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_names_follow_the_convention(metric: Metric) -> None:
    """A name is lower case, ends in its unit and, for a counter, in `_total`; labels come from the closed list."""
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", metric.name)
    assert metric.unit in UNITS
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    if metric.unit:
        assert metric.name.removesuffix("_total").endswith(f"_{metric.unit}")
    assert metric.labels[:2] == ("site", "device")
    assert set(metric.labels) <= LABELS
    assert metric.help.endswith(".")


def test_own_metrics_carry_the_prefix() -> None:
    """Own metrics start with `driftline_`; host metrics do not."""
    assert all(metric.name.startswith("driftline_") for metric in OWN)
    assert not any(metric.name.startswith("driftline_") for metric in HOST.values())


def test_everything_that_the_collectors_measure_is_declared() -> None:
    """No OpenTelemetry name in the collectors lacks a place in the table, so that no reading is silently cut."""
    collectors = Path(naming.__file__).parents[1] / "collectors"
    named = {
        name
        for path in collectors.rglob("*.py")
        for name in re.findall(r'"((?:system|process|hw)\.[a-z_.0-9]+)"', path.read_text(encoding="utf-8"))
    }
    assert named >= {"system.cpu.utilization", "process.memory.usage", "hw.temperature"}
    assert named - set(HOST) == set()
