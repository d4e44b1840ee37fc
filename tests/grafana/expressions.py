"""Reading the expressions of dashboards and rules: which metrics and labels they name."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GRAFANA = Path(__file__).resolve().parents[2] / "grafana"
RULES = GRAFANA / "prometheus" / "driftline.rules.yml"
DASHBOARD = GRAFANA / "dashboards" / "driftline-fleet.json"

KEYWORDS = {
    "and", "or", "unless", "bool", "by", "without", "on", "ignoring",
    "group_left", "group_right", "offset", "inf", "nan"
}  # fmt: skip
GROUPING = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
MATCHERS = re.compile(r"\{([^}]*)\}")


@dataclass(frozen=True)
class Named:
    """What an expression names."""

    metrics: frozenset[str]
    labels: frozenset[str]


def read(expression: str) -> Named:
    """Return metrics and labels of a PromQL expression.

    >>> sorted(read('sum by (site) (rate(calls_total{model=~"a"}[5m])) > bool 3').metrics)
    ['calls_total']
    >>> sorted(read('sum by (site) (rate(calls_total{model=~"a"}[5m])) > bool 3').labels)
    ['model', 'site']
    """
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expression)
    bare = re.sub(r"\[[^\]]*\]", "", bare)
    labels = {label.strip() for group in GROUPING.findall(bare) for label in group[1].split(",")}
    labels |= {name for inside in MATCHERS.findall(bare) for name in re.findall(r"(\w+)\s*[=!]", inside)}
    bare = MATCHERS.sub("", GROUPING.sub("", bare))
    names = re.findall(r"(?<![\w:.])([A-Za-z_:][\w:]*)(?!\s*\()(?![\w:])", bare)
    return Named(frozenset(set(names) - KEYWORDS), frozenset(labels - {""}))


def panels() -> list[dict[str, Any]]:
    """Return the dashboard's panels, without its row headings."""
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def rules() -> list[tuple[str, str]]:
    """Return (name, expression) of every recording rule and alert, in the file's own layout."""
    found = []
    pattern = re.compile(r"- (?:record|alert): (\S+)\n +expr: (?:\|\n((?: {10,}.*\n)+)|(.*)\n)")
    for name, block, line in pattern.findall(RULES.read_text(encoding="utf-8")):
        found.append((name, " ".join((block or line).split())))
    return found
