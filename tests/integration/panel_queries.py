"""The dashboard's queries as Grafana would send them, and which of them are rightly empty on a device in health."""

from __future__ import annotations

from tests.grafana.expressions import panels

# Only while a finding is open do these have series; under a fault they must.
EMPTY_IN_HEALTH = {
    "Open findings": "lists findings",
    "Sites that have the same kind of finding": "counts findings by kind",
}


def panel_queries() -> list[tuple[str, str]]:
    """Return (panel's title, expression) with the variables filled in: all sites, devices, models and versions."""
    return [(panel["title"], _filled(target["expr"])) for panel in panels() for target in panel["targets"]]


def _filled(expression: str) -> str:
    for variable in ("site", "device", "model", "version"):
        expression = expression.replace(f'"${variable}"', '".*"')
    expression = expression.replace("$__rate_interval", "10s")
    assert "$" not in expression, expression
    return expression
