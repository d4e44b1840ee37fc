import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from exporters.naming import METRICS, SERIES_NAMES, Metric
from grafana import fleet
from tests.grafana.expressions import DASHBOARD, GRAFANA, RULES, panels, read, rules
from tests.servers.programs import need_program

PANELS = panels()
QUERIES = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
RECORDED = {name for name, _ in rules() if ":" in name}
METRIC_OF: dict[str, Metric] = {name: metric for metric in METRICS.values() for name in metric.series_names}


def test_the_file_is_what_the_code_writes() -> None:
    """The dashboard that people load is the reviewed one: `python -m grafana.fleet` was run."""
    assert DASHBOARD.read_text(encoding="utf-8") == fleet.as_json()


@pytest.mark.parametrize(("title", "expression"), [*QUERIES, *rules()], ids=lambda text: text[:40])
def test_only_declared_metrics_and_labels_are_queried(title: str, expression: str) -> None:
    """Every metric of a panel or rule is declared, and has each label that is asked of it."""
    named = read(expression)
    assert named.metrics, title
    assert named.metrics - RECORDED <= SERIES_NAMES
    for label in named.labels - {"le"}:
        asked = [name for name in named.metrics - RECORDED if label in METRIC_OF[name].labels]
        assert asked or named.metrics & RECORDED, f"{title}: no metric here has the label {label}"


def test_variables_are_filled_from_declared_metrics() -> None:
    """Site, device, model and version are chosen from what the agents say."""
    variables = json.loads(fleet.as_json())["templating"]["list"]
    queried = {each["name"]: each["query"]["query"] for each in variables if each["type"] == "query"}
    assert list(queried) == ["site", "device", "model", "version"]
    for query in queried.values():
        ((metric, label),) = re.findall(r"^label_values\((\w+)(?:\{.*\})?, (\w+)\)$", query)
        assert label in METRICS[metric].labels


def test_every_own_metric_that_counts_trouble_is_watched() -> None:
    """What is lost, discarded, cut or failed is on the dashboard or in an alert, not only in the page."""
    watched = frozenset().union(*(read(expression).metrics for _, expression in [*QUERIES, *rules()]))
    trouble = {
        name
        for name in METRICS
        if re.search(r"lost|dropped|discarded|cut|failed|errors|durable|findings|throttled|status", name)
    }
    assert trouble <= watched


def test_panels_stand_apart() -> None:
    """Each panel has an id, a description and letters for its queries of its own, and none covers another."""
    ids = [panel["id"] for panel in PANELS]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        assert panel["description"], panel["title"]
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters)
        place: dict[str, Any] = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("command", [("check", "rules", RULES), ("check", "config", RULES.with_name("prometheus.yml"))])
def test_prometheus_accepts_configuration_and_rules(command: tuple[str, str, Path]) -> None:
    """The checker of Prometheus finds nothing wrong with the files that are shipped."""
    done = subprocess.run(
        [need_program("promtool", "prometheus"), *map(str, command)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_provisioning_points_at_what_is_shipped() -> None:
    """The README copies the dashboard to the folder that the provider reads."""
    provider = (GRAFANA / "provisioning" / "dashboards" / "driftline.yaml").read_text(encoding="utf-8")
    (folder,) = re.findall(r"path: (\S+)", provider)
    assert f"{DASHBOARD.relative_to(GRAFANA.parent)} -t {folder}/" in (GRAFANA / "README.md").read_text(
        encoding="utf-8"
    )
