"""The lower rows of the fleet dashboard, which say why: input, service, device, and Driftline itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana.panels import bars, rows, series

if TYPE_CHECKING:
    from grafana.panels import AnyPanel

DEVICE = 'site=~"$site", device=~"$device"'
STREAM = f'{DEVICE}, model=~"$model", version=~"$version"'


def drift() -> list[AnyPanel]:
    """Say how far each signal is from its reference."""
    panels: list[AnyPanel] = []
    for title, metric, unit, about in (
        ("Population stability index", "driftline_signal_psi_nats", "short", "On the reference's decile bins."),
        ("Kolmogorov-Smirnov distance", "driftline_signal_ks_ratio", "short", "Between 0 (the same) and 1 (disjoint)."),
        (
            "Wasserstein distance",
            "driftline_signal_wasserstein_sigmas",
            "short",
            "In the reference's standard deviations.",
        ),
    ):
        all_series = f"{metric}{{{STREAM}}}"
        panels.append(
            series(
                title,
                f"{about} The worst device beside the median one: far apart is one device, close together is all. "
                "The size of a change, not an alarm.",
                {
                    "{{model}} {{signal}}: worst device": f"topk(5, max by (model, signal) ({all_series}))",
                    "{{model}} {{signal}}: median device": f"topk(5, quantile by (model, signal) (0.5, {all_series}))",
                },
                unit,
            )
        )
    panels += [
        series(
            "Evidence by signal, worst device", "Share of the way to an alarm.",
            {"{{model}} {{signal}}":
             f"topk(10, max by (model, signal) (driftline_signal_evidence_ratio{{{STREAM}}}))"},
            "percentunit", width=12, top=1,
        ),
        series(
            "Confidence", "Mean over the fleet and the lowest device. High confidence is not accuracy.",
            {
                "{{model}} {{version}}: mean": f"avg by (model, version) (driftline_confidence_ratio{{{STREAM}}})",
                "{{model}} {{version}}: lowest": f"min by (model, version) (driftline_confidence_ratio{{{STREAM}}})",
            },
            "percentunit", width=12, top=1,
        ),
        series(
            "Accuracy by labels", "Share of right answers among those that were labelled last: over the fleet, and the "
            "lowest device. Labels that were chosen say little of all answers.",
            {
                "{{model}} {{version}}: mean": f"avg by (model, version) (driftline_accuracy_ratio{{{STREAM}}})",
                "{{model}} {{version}}: lowest": f"min by (model, version) (driftline_accuracy_ratio{{{STREAM}}})",
            },
            "percentunit", width=8, top=1,
        ),
        series(
            "Accuracy without labels, estimated", "From calibrated confidence, with its band; there is a gap where the "
            "inputs are such that it cannot be known.",
            {
                "{{model}} {{version}}: mean": _estimated("avg", "driftline_estimated_accuracy_ratio"),
                "{{model}} {{version}}: lowest": _estimated("min", "driftline_estimated_accuracy_ratio"),
                "{{model}} {{version}}: lowest end of a band":
                    _estimated("min", "driftline_estimated_accuracy_low_ratio"),
            },
            "percentunit", width=8, top=1,
        ),
        series(
            "Streams whose accuracy cannot be estimated", "Their inputs differ from what the estimate rests on, or no "
            "label has shown what their confidence is worth.",
            {
                "{{model}} {{version}}: void":
                    f"sum by (model, version) (1 - driftline_estimated_accuracy_valid{{{STREAM}}})",
                "{{model}} {{version}}: uncalibrated":
                    f"sum by (model, version) (1 - driftline_estimated_accuracy_calibrated{{{STREAM}}})",
            },
            "short", width=8,
        ),
    ]  # fmt: skip
    return panels


def _estimated(over: str, metric: str) -> str:
    calibrated = f"driftline_estimated_accuracy_calibrated{{{STREAM}}} == 1"
    return f"{over} by (model, version) ({metric}{{{STREAM}}} and {calibrated})"


def service() -> list[AnyPanel]:
    """Say how the model itself runs."""
    latency = f"driftline_inference_latency_seconds_bucket{{{STREAM}}}[$__rate_interval]"
    calls = f"rate(driftline_inferences_total{{{STREAM}}}[$__rate_interval])"
    last = f"driftline_last_inference_timestamp_seconds{{{STREAM}}}"
    errors = f"rate(driftline_inference_errors_total{{{STREAM}}}[$__rate_interval])"
    return [
        series(
            "Inferences a second", "By model and version.",
            {"{{model}} {{version}}": f"sum by (model, version) ({calls})"}, "reqps",
        ),
        series(
            "Latency", "Median and 99th percentile of all inferences.",
            {
                f"{{{{model}}}} {{{{version}}}}: p{percent}": f"histogram_quantile({percent / 100}, "
                f"sum by (model, version, le) (rate({latency})))"
                for percent in (50, 99)
            },
            "s",
        ),
        series(
            "Errors", "Share of inferences that raised an exception.",
            {"{{model}} {{version}}": f"sum by (model, version) ({errors}) / (sum by (model, version) ({calls}) > 0)"},
            "percentunit",
        ),
        series(
            "Predicted classes", "Share of each class: a change here is the world's, or the model's.",
            {"{{model}}: {{class}}":
             f"sum by (model, class) (rate(driftline_predictions_total{{{STREAM}}}[$__rate_interval]))"
             " / ignoring (class) group_left () (sum by (model) "
             f"(rate(driftline_predictions_total{{{STREAM}}}[$__rate_interval])) > 0)"},
            "percentunit", stack=True, top=1,
        ),
        series(
            "Records not seen", "Overwritten before the agent read them, and not written by the probe, a second.",
            {
                "{{model}}: lost": f"sum by (model) (rate(driftline_lost_records_total{{{STREAM}}}[$__rate_interval]))",
                "{{model}}: dropped":
                    f"sum by (model) (rate(driftline_dropped_records_total{{{STREAM}}}[$__rate_interval]))",
            },
            "cps",
        ),
        rows(
            "Longest without an inference", "Time since the last one.",
            {"idle for": (f"topk(20, time() - max by (site, device, model) ({last}))", "s")},
            sort="idle for", width=8,
        ),
    ]  # fmt: skip


def device() -> list[AnyPanel]:
    """Say how hot and how busy the devices are."""
    panels: list[AnyPanel] = []
    for title, metric, unit, about in (
        ("Temperature", "hw_temperature_celsius", "celsius", "The hottest sensor."),
        ("Processor", "system_cpu_utilization_ratio", "percentunit", "Share of all cores in use."),
        ("Memory", "system_memory_utilization_ratio", "percentunit", "Share of memory in use."),
    ):
        selector = DEVICE + (', state="used"' if "memory" in metric else "")
        panels.append(
            series(
                title,
                f"{about} The ten highest devices.",
                {"{{site}} {{device}}": f"topk(10, max by (site, device) ({metric}{{{selector}}}))"},
                unit,
            )
        )
    return panels


def itself() -> list[AnyPanel]:
    """Say how the agents and their buffers are."""
    return [
        series(
            "Buffer", "Share of its limit that the buffer takes; the ten fullest devices.",
            {"{{site}} {{device}}": "topk(10, max by (site, device) "
             f"(driftline_buffer_size_bytes{{{DEVICE}}} / driftline_buffer_limit_bytes{{{DEVICE}}}))"},
            "percentunit",
        ),
        series(
            "Rows discarded", "Because the disk or the buffer's budget was full, a second.",
            {"{{site}}": "sum by (site) "
             f"(rate(driftline_buffer_discarded_rows_total{{{DEVICE}}}[$__rate_interval]))"},
            "cps",
        ),
        series(
            "Agent memory", "Resident; the ten largest.",
            {"{{site}} {{device}}":
             f"topk(10, max by (site, device) (driftline_agent_resident_memory_bytes{{{DEVICE}}}))"},
            "bytes",
        ),
        series(
            "Agent processor", "Share of one core; the ten busiest.",
            {"{{site}} {{device}}": f"topk(10, max by (site, device) (driftline_agent_cpu_ratio{{{DEVICE}}}))"},
            "percentunit",
        ),
        series(
            "Agent versions", "Devices by the version that they run.",
            {"{{version}}": f"count by (version) (driftline_build_info{{{DEVICE}}})"}, "short", stack=True,
        ),
        series(
            "Parts not well", "Collectors, detectors and buffers that failed, and entries that the page's bounds cut.",
            {
                "{{site}}: parts": f"sum by (site) (driftline_agent_parts_failed{{{DEVICE}}})",
                "{{site}}: cut": f"sum by (site) (driftline_scrape_series_cut{{{DEVICE}}})",
            },
            "short",
        ),
        bars(
            "References being learned", "Devices where a model's reference is not complete yet, the least far first.",
            f"bottomk(20, driftline_reference_rows{{{STREAM}}} / (driftline_reference_target_rows{{{STREAM}}} > 0))",
            "{{site}} {{device}} {{model}}", "percentunit", steps=(("blue", None), ("green", 1)), top=1, width=24,
        ),
    ]  # fmt: skip
