"""The fleet dashboard as code. It answers: which devices need a visit, and is it one site or all of them.

`python -m grafana.fleet` writes dashboards/driftline-fleet.json, the file that Grafana loads. Expressions name only
metrics that `exporters/naming.py` declares (a test reads them all).
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana import detail
from grafana.detail import DEVICE, STREAM
from grafana.panels import STATE_COLORS, bars, colored, number, rows, series, variable

if TYPE_CHECKING:
    from grafana.panels import AnyPanel

JSON_FILE = Path(__file__).parent / "dashboards" / "driftline-fleet.json"
UID = "driftline-fleet"

TROUBLE_STEPS = (("green", None), ("orange", 0.05), ("red", 0.25))


def fleet() -> dashboard.Dashboard:
    """Put the dashboard together, the question first and the details below it."""
    board = (
        dashboard.Dashboard("Driftline fleet")
        .uid(UID)
        .description("Which devices need a visit, and is it one site or all of them?")
        .tags(["driftline", "machine learning"])
        .time("now-6h", "now")
        .refresh("1m")
        .timezone("browser")
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(variable("site", "Site", "label_values(driftline_build_info, site)"))
        .with_variable(variable("device", "Device", 'label_values(driftline_build_info{site=~"$site"}, device)'))
        .with_variable(variable("model", "Model", f"label_values(driftline_inferences_total{{{DEVICE}}}, model)"))
        .with_variable(
            variable(
                "version", "Version", f'label_values(driftline_inferences_total{{{DEVICE}, model=~"$model"}}, version)'
            )
        )
    )
    ids = itertools.count(1)
    for title, panels in (
        ("Who needs a visit?", _visits()),
        ("Is it one site, one model, or all of them?", _spread()),
        ("Has the input changed?", detail.drift()),
        ("Is the model running well?", detail.service()),
        ("Is it the device?", detail.device()),
        ("Driftline itself", detail.itself()),
    ):
        board.with_row(dashboard.Row(title).id(next(ids)))
        for panel in panels:
            board.with_panel(panel.id(next(ids)))
    return board


def _visits() -> list[AnyPanel]:
    state = f"driftline_device_state{{{DEVICE}}}"
    findings = f"driftline_stream_findings_open{{{STREAM}}}"
    onset = f"driftline_stream_finding_onset_timestamp_seconds{{{STREAM}}}"
    labels = "site, device, model, version, kind, cause, severity, state"
    evidence = f"driftline_signal_evidence_ratio{{{STREAM}}}"
    heard = f"driftline_snapshot_timestamp_seconds{{{DEVICE}}}"
    return [
        number("Devices", "Devices that report now.", f"sum({state})"),
        number("Critical", "Devices with a critical finding.", _sum_state("critical"), alarm_above=1),
        number("Warning", "Devices with a warning.", _sum_state("warning"), alarm_above=1),
        number(
            "Silent", "Devices that were heard in the last day, and not in the last five minutes.",
            f"sum(time() - max by (site, device) (last_over_time({heard}[1d])) > bool 300)", alarm_above=1,
        ),
        number("Findings", "All findings that are not closed.", f"sum(driftline_findings_open{{{DEVICE}}})"),
        number("Sites in trouble", "Sites where a device is critical or has a warning.",
               "count(sum by (site) (driftline_device_state"
               f'{{{DEVICE}, state=~"critical|warning"}}) > 0) or vector(0)'),
        rows(
            "Open findings", "One row for each kind of finding on a device; since is the estimated onset.",
            {
                "findings": (f"sum by ({labels}) ({findings})", "short"),
                "since": (f"min by ({labels}) ({onset}) * 1000", "dateTimeFromNow"),
            },
            sort="severity", descending=False, no_value="No finding is open.",
        ),
        rows(
            "Longest silent", "Time since a device last described itself, over the last day.",
            {"silent for": (f"topk(20, time() - max by (site, device) (last_over_time({heard}[1d])))", "s")},
            sort="silent for", width=12,
        ),
        rows(
            "Closest to an alarm", "Signals by how far they are on the way to an alarm; 1 is the alarm.",
            {"evidence": (f"topk(20, max by (site, device, model, signal) ({evidence}))", "percentunit")},
            sort="evidence", width=12,
        ),
    ]  # fmt: skip


def _sum_state(state: str) -> str:
    return f'sum(driftline_device_state{{{DEVICE}, state="{state}"}})'


def _spread() -> list[AnyPanel]:
    trouble = f'driftline_device_state{{{DEVICE}, state=~"critical|warning"}}'
    return [
        colored(
            series(
                "Devices by state", "A fleet in health is green.",
                {"{{state}}": f"sum by (state) (driftline_device_state{{{DEVICE}}})"}, "short", stack=True,
            ),
            STATE_COLORS,
        ),
        bars(
            "Share of devices in trouble, by site", "One long bar is a local cause, bars of one length a common one.",
            f"sort_desc(sum by (site) ({trouble}) / sum by (site) (driftline_device_state{{{DEVICE}}}))",
            "{{site}}", "percentunit", steps=TROUBLE_STEPS, top=1,
        ),
        bars(
            "Share of streams in trouble, by model and version", "A bad version shows here, wherever it runs.",
            "sort_desc(sum by (model, version) "
            f'(driftline_stream_state{{{STREAM}, state=~"critical|warning"}})'
            f" / sum by (model, version) (driftline_stream_state{{{STREAM}}}))",
            "{{model}} {{version}}", "percentunit", steps=TROUBLE_STEPS, top=1,
        ),
        series(
            "Open findings by site", "Stacked: the height is the fleet's total.",
            {"{{site}}": f"sum by (site) (driftline_findings_open{{{DEVICE}}})"}, "short", width=12, stack=True,
        ),
        series(
            "Sites that have the same kind of finding", "1: a local cause; as many as there are sites: a common one.",
            {"{{model}} {{kind}} ({{cause}})": "count by (model, kind, cause) (count by (site, model, kind, cause) "
             f"(driftline_stream_findings_open{{{STREAM}}}))"},
            "short", width=12,
        ),
        series(
            "Findings that people closed, a day", "What those who went there say: false alarms wear people out.",
            {"{{verdict}}": f"sum by (verdict) (increase(driftline_findings_judged_total{{{DEVICE}}}[1d]))"},
            "short", width=12, stack=True,
        ),
    ]  # fmt: skip


def as_json() -> str:
    """Return the dashboard as the file holds it."""
    return json.dumps(fleet().build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    JSON_FILE.write_text(as_json(), encoding="utf-8")
