"""A real OpenTelemetry Collector for tests, with what it was sent in files.

There is no Debian package of it: `.ci/collector` builds one. Tests find it as `otelcol-driftline` on PATH, or where
DRIFTLINE_COLLECTOR says.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exporters.remote_write import bound_text
from tests.absent import absent
from tests.servers.programs import RECIPES, answers, free_port, need_program, running
from tests.servers.series import Series, labels_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = "otelcol-driftline"

# Besides the recipe: metrics into a file as well.
BESIDE = """
exporters:
  file/metrics: {{path: {metrics}, flush_interval: 50ms}}
  file/findings: {{flush_interval: 50ms}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    metrics: {{exporters: [otlphttp, file/metrics]}}
"""


@dataclass(frozen=True)
class Collector:
    """A running Collector; `metrics` and `findings` have a request a line."""

    url: str
    metrics: Path
    findings: Path

    def points(self) -> Iterator[tuple[dict[str, Any], str, dict[str, Any]]]:
        """Yield (metric, kind, point) of every point that was written so far."""
        for line in _lines(self.metrics):
            for scope in (scope for resource in line["resourceMetrics"] for scope in resource["scopeMetrics"]):
                for metric in scope["metrics"]:
                    kind = next(kind for kind in ("gauge", "sum", "histogram") if kind in metric)
                    for point in metric[kind]["dataPoints"]:
                        yield metric, kind, point

    def series(self) -> Series:
        """Return what was written so far as a store of series would hold it; a point that came twice is the same."""
        found: Series = {}
        for metric, kind, point in self.points():
            own = {one["key"]: one["value"]["stringValue"] for one in point["attributes"]}
            at, name = int(point["timeUnixNano"]) // 1_000_000, metric["name"]
            for labels, value in _values(name, own, kind, point):
                before = found.setdefault(labels_of(labels), {}).setdefault(at, value)
                assert before == value, f"{before} and {value} at {at}: {labels}"
        return found

    def instances(self) -> set[str]:
        """Return the names of the state directories that sent metrics so far."""
        resources = (one["resource"] for line in _lines(self.metrics) for one in line["resourceMetrics"])
        own = (one for resource in resources for one in resource["attributes"] if one["key"] == "service.instance.id")
        return {one["value"]["stringValue"] for one in own}

    def records(self) -> list[dict[str, Any]]:
        """Return the log records that were written so far."""
        return [
            record
            for line in _lines(self.findings)
            for resource in line["resourceLogs"]
            for scope in resource["scopeLogs"]
            for record in scope["logRecords"]
        ]


def _values(name: str, own: dict[str, str], kind: str, point: dict[str, Any]) -> Iterator[tuple[dict[str, str], float]]:
    if kind != "histogram":
        yield {"__name__": name, **own}, float(point["asDouble"])
        return
    counts = itertools.accumulate(map(float, point["bucketCounts"]))
    for bound, count in zip([*point["explicitBounds"], math.inf], counts, strict=True):
        yield {"__name__": f"{name}_bucket", **own, "le": bound_text(float(bound))}, count
    yield {"__name__": f"{name}_count", **own}, float(point["count"])
    if "sum" in point:
        yield {"__name__": f"{name}_sum", **own}, float(point["sum"])


def _lines(path: Path) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def need_collector() -> str:
    """Return the path of a Collector; where there is none the test is skipped, or fails in CI."""
    given = os.environ.get("DRIFTLINE_COLLECTOR", "")
    if given and not os.access(given, os.X_OK):
        absent(f"{given} is no program (DRIFTLINE_COLLECTOR)")
    return given or need_program(PROGRAM, "none has it: .ci/collector builds it")


@contextlib.contextmanager
def running_collector(folder: Path, metrics_endpoint: str = "") -> Iterator[Collector]:
    """Run a Collector as the recipe says; it hands metrics on to an address, or to nobody."""
    port = free_port()
    beside = folder / "beside.yaml"
    server = Collector(f"http://127.0.0.1:{port}", folder / "metrics.jsonl", folder / "findings.jsonl")
    beside.write_text(BESIDE.format(metrics=server.metrics), encoding="utf-8")
    environment = {
        **os.environ,
        "DRIFTLINE_LISTEN": f"127.0.0.1:{port}",
        "DRIFTLINE_QUEUE": str(folder / "queue"),
        "DRIFTLINE_FINDINGS": str(server.findings),
        "DRIFTLINE_METRICS": metrics_endpoint or f"http://127.0.0.1:{free_port()}/none",
    }
    command = [need_collector(), f"--config={RECIPES / 'collector.yaml'}", f"--config={beside}"]
    with running(command, folder, lambda: answers(server.url), environment):
        yield server
