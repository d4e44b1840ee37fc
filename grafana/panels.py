"""The kinds of panel that the fleet dashboard is made of, in one style. No query is written here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import prometheus as prometheus_models

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DATASOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
HEIGHT = 8
LETTERS = "ABCDEFGH"  # Grafana tells the queries of a panel apart by these
STATE_COLORS = {"critical": "red", "warning": "orange", "ok": "green", "learning": "blue", "waiting": "gray"}

AnyPanel = stat.Panel | timeseries.Panel | table.Panel | bargauge.Panel
P = TypeVar("P", stat.Panel, timeseries.Panel, table.Panel, bargauge.Panel)


def series(title: str, about: str, queries: Mapping[str, str], unit: str, *, width: int = 8, stack: bool = False,
           top: float | None = None) -> timeseries.Panel:  # fmt: skip
    """Lines over time; `queries` maps a legend (with {{label}}) to its expression."""
    panel = _framed(timeseries.Panel(), title, about, unit, width)
    for letter, (legend, expression) in zip(LETTERS, queries.items(), strict=False):
        panel.with_target(_query(expression, letter).legend_format(legend).range())
    panel.legend(
        common.VizLegendOptions()
        .display_mode(common_models.LegendDisplayMode.LIST)
        .placement(common_models.LegendPlacement.BOTTOM)
        .show_legend(show_legend=True)
    )
    panel.tooltip(
        common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI).sort(common_models.SortOrder.DESCENDING)
    )
    panel.min(0).show_points(common_models.VisibilityMode.NEVER)
    if top is not None:
        panel.max(top)
    if stack:
        panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL)).fill_opacity(50)
    return panel


def number(title: str, about: str, expression: str, unit: str = "short", *, alarm_above: float | None = None,
           width: int = 4) -> stat.Panel:  # fmt: skip
    """One number, red above `alarm_above`."""
    panel = _framed(stat.Panel(), title, about, unit, width).height(4)
    panel.with_target(_query(expression).instant())
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    if alarm_above is not None:
        panel.thresholds(_steps(("green", None), ("red", alarm_above)))
    return panel


def bars(title: str, about: str, expression: str, legend: str, unit: str, *, steps: Sequence[tuple[str, float | None]],
         top: float | None = None, width: int = 8) -> bargauge.Panel:  # fmt: skip
    """One bar for each series as it is now, coloured by `steps`."""
    panel = _framed(bargauge.Panel(), title, about, unit, width)
    panel.with_target(_query(expression).instant().legend_format(legend))
    panel.orientation(common_models.VizOrientation.HORIZONTAL).thresholds(_steps(*steps)).min(0)
    if top is not None:
        panel.max(top)
    return panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))


def rows(
    title: str,
    about: str,
    queries: Mapping[str, tuple[str, str]],
    *,
    sort: str,
    descending: bool = True,
    width: int = 24,
    no_value: str = "none",
) -> table.Panel:
    """List series as rows, one column for each query; `queries` maps a column's title to (expression, unit)."""
    panel = _framed(table.Panel(), title, about, "short", width)
    for letter, (expression, _) in zip(LETTERS, queries.values(), strict=False):
        panel.with_target(_query(expression, letter).instant().format(_TABLE))
    values = ["Value"] if len(queries) == 1 else [f"Value #{letter}" for letter in LETTERS[: len(queries)]]
    panel.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    panel.with_transformation(
        models.DataTransformerConfig(
            id_val="organize",
            options={"excludeByName": {"Time": True}, "renameByName": dict(zip(values, queries, strict=True))},
        )
    )
    for column, (_, unit) in queries.items():
        panel.override_by_name(column, [models.DynamicConfigValue(id_val="unit", value=unit)])
    panel.override_by_name("device", [models.DynamicConfigValue(id_val="links", value=[_THIS_DEVICE])])
    return panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(descending)]).no_value(no_value)


def colored(panel: timeseries.Panel, colors: Mapping[str, str]) -> timeseries.Panel:
    """Give series of these names these colours."""
    for name, color in colors.items():
        panel.override_by_name(
            name, [models.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": color})]
        )
    return panel


def variable(name: str, label: str, values: str) -> dashboard.QueryVariable:
    """Return a choice of many, all by default; `values` is a label_values(…) expression."""
    # One regular expression for all: ten thousand names joined by | are longer than a URL may be.
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .query({"query": values, "refId": name})
        .datasource(DATASOURCE)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".*")
        .current(models.VariableOption(selected=True, text="All", value="$__all"))
    )


_TABLE = prometheus_models.PromQueryFormat.TABLE
_THIS_DEVICE: dict[str, Any] = {
    "title": "Only this device",
    "url": "/d/${__dashboard.uid}?var-site=${__data.fields.site}&var-device=${__data.fields.device}"
    "&${__url_time_range}",
}


def _framed(panel: P, title: str, about: str, unit: str, width: int) -> P:
    return panel.title(title).description(about).datasource(DATASOURCE).unit(unit).span(width).height(HEIGHT)


def _query(expression: str, letter: str = "A") -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(expression).datasource(DATASOURCE).ref_id(letter)


def _steps(*steps: tuple[str, float | None]) -> dashboard.ThresholdsConfig:
    return (
        dashboard.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps([models.Threshold(color=color, value=value) for color, value in steps])
    )
