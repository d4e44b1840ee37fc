"""Every metric that leaves the device: name, type, unit, help and labels, each declared here and nowhere else.

Own metrics are `driftline_<thing>_<unit>[_total]` in base units. A plain count has no unit in its name.

Host metrics keep their OpenTelemetry name in Prometheus spelling: dots become underscores and the unit is written out
(`system.cpu.utilization`, unit 1, is `system_cpu_utilization_ratio`). Ratios carry `ratio` in their names from the
start and have no unit elsewhere, because the ways into Prometheus disagree on what to append for the unit 1: a name
that already says it reads the same on each of them.

Labels are `site`, `device`, `model`, `version`, `signal` and sets that are bounded by their nature or by
`exporters.bounds`; nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from agent.model import Stream

MetricKind = Literal["counter", "gauge", "histogram"]
Combine = Literal["sum", "max"]

UNITS = frozenset({"", "bytes", "celsius", "hertz", "nats", "ratio", "rpm", "seconds", "sigmas", "volts", "watts"})
UNKNOWN = "unknown"  # an empty label is no label to Prometheus, and drops out of every `by (site)`

DEVICE = ("site", "device")
STREAM = (*DEVICE, "model", "version")
SIGNAL = (*STREAM, "signal")
DESTINATION = (*DEVICE, "destination")


@dataclass(frozen=True, slots=True)
class Metric:
    """One declared metric. `combine` says what two samples with the same labels become."""

    name: str
    kind: MetricKind
    unit: str
    help: str
    labels: tuple[str, ...]
    combine: Combine = "sum"

    @property
    def series_names(self) -> tuple[str, ...]:
        """Names under which its samples can be queried.

        >>> LATENCY.series_names[0]
        'driftline_inference_latency_seconds_bucket'
        """
        if self.kind == "histogram":
            return tuple(f"{self.name}_{part}" for part in ("bucket", "count", "sum"))
        return (self.name,)


def _own(name: str, kind: MetricKind, unit: str, labels: tuple[str, ...], text: str) -> Metric:
    return Metric(f"driftline_{name}", kind, unit, text, labels, "max" if kind == "gauge" else "sum")


BUILD = _own("build_info", "gauge", "", (*DEVICE, "version"), "Always 1; the agent's version.")
DEVICE_STATE = _own(
    "device_state", "gauge", "", (*DEVICE, "state"), "1 for the state that the device is in, 0 for the others."
)
SNAPSHOT = _own(
    "snapshot_timestamp_seconds", "gauge", "seconds", DEVICE, "When the agent last described itself (Unix time)."
)
UPTIME = _own("agent_uptime_seconds", "gauge", "seconds", DEVICE, "Time since the agent started.")
AGENT_RSS = _own("agent_resident_memory_bytes", "gauge", "bytes", DEVICE, "Resident memory of the agent.")
AGENT_CPU = _own("agent_cpu_ratio", "gauge", "ratio", DEVICE, "Share of one core that the agent uses.")
AGENT_READY = _own("agent_ready_seconds", "gauge", "seconds", DEVICE, "How long the agent took to be ready.")
PARTS_FAILED = _own("agent_parts_failed", "gauge", "", DEVICE, "Parts of the agent that are not well.")
SERIES_CUT = _own(
    "scrape_series_cut", "gauge", "", (*DEVICE, "kind"), "Entries left out of this page by its bounds, by kind."
)

BUFFER_BYTES = _own("buffer_size_bytes", "gauge", "bytes", DEVICE, "Size of the buffer on disk.")
BUFFER_LIMIT = _own("buffer_limit_bytes", "gauge", "bytes", DEVICE, "Size that the buffer may grow to.")
BUFFER_ROWS = _own("buffer_rows", "gauge", "", DEVICE, "Rows in the buffer.")
BUFFER_SEGMENTS = _own("buffer_segments", "gauge", "", DEVICE, "Files that the buffer consists of.")
BUFFER_DURABLE = _own(
    "buffer_durable", "gauge", "", DEVICE, "1 where the buffer is on disk, 0 where it is in memory alone."
)
BUFFER_DISCARDED = _own(
    "buffer_discarded_rows_total", "counter", "", DEVICE, "Rows thrown away because the disk or the budget was full."
)
BUFFER_COMMIT = _own(
    "buffer_last_commit_timestamp_seconds", "gauge", "seconds", DEVICE, "When rows were last made durable (Unix time)."
)

BUFFER_RESERVE = _own(
    "buffer_reserve_bytes", "gauge", "bytes", DEVICE, "Room kept free for findings; less than usual on a full disk."
)
BUFFER_QUARANTINE = _own("buffer_quarantine_bytes", "gauge", "bytes", DEVICE, "Size of what was set aside as damaged.")
WRITTEN = _own("written_day_bytes", "gauge", "bytes", DEVICE, "Bytes the agent wrote in the last 24 hours that it ran.")
WRITTEN_LIMIT = _own("written_day_limit_bytes", "gauge", "bytes", DEVICE, "Bytes that the agent may write in a day.")
THINNING = _own(
    "buffer_thinning_level", "gauge", "", DEVICE, "0: rows are kept as configured; up to 3: fewer, for the budgets."
)

SENT_BYTES = _own(
    "forwarding_sent_bytes_total", "counter", "bytes", DESTINATION, "Bytes sent to a destination since the start."
)
ACCEPTED = _own("forwarding_accepted_total", "counter", "", DESTINATION, "Parcels accepted since the start.")
REJECTED = _own("forwarding_rejected_total", "counter", "", DESTINATION, "Parcels refused for good since the start.")
FAILING = _own(
    "forwarding_failing_seconds", "gauge", "seconds", DESTINATION, "For how long nothing has come through; 0: it does."
)
WAITING = _own("forwarding_waiting_summaries", "gauge", "", DESTINATION, "Stored minutes that were not sent yet.")
WAITING_FINDINGS = _own("forwarding_waiting_findings", "gauge", "", DESTINATION, "States of findings not sent yet.")
WAITING_AGE = _own("forwarding_waiting_seconds", "gauge", "seconds", DESTINATION, "Age of the oldest that waits.")
DEAD_LETTERS = _own("forwarding_dead_letters", "gauge", "", DESTINATION, "Parcels kept that were refused for good.")
UNSENT = _own(
    "forwarding_dropped_summaries", "gauge", "", DESTINATION, "Stored minutes that made room before they were sent."
)

FINDINGS = _own("findings_open", "gauge", "", (*DEVICE, "severity"), "Findings that are not closed, 0 included.")
STREAM_FINDINGS = _own(
    "stream_findings_open", "gauge", "", (*STREAM, "kind", "severity", "state", "cause"),
    "Findings that are not closed, by kind and likely cause; 0 for a day, or absent, where there is none.",
)  # fmt: skip
STREAM_ONSET = _own(
    "stream_finding_onset_timestamp_seconds", "gauge", "seconds", (*STREAM, "kind", "severity", "state", "cause"),
    "Estimated onset of the oldest of these findings (Unix time).",
)  # fmt: skip

JUDGED = _own(
    "findings_judged_total", "counter", "", (*DEVICE, "verdict"),
    "Times that a person closed a finding as real, or as a false alarm, since the agent started.",
)  # fmt: skip

STREAM_STATE = _own(
    "stream_state", "gauge", "", (*STREAM, "state"), "1 for the state that the stream is in, 0 for the others."
)
INFERENCES = _own("inferences_total", "counter", "", STREAM, "Inferences seen since the agent started.")
ERRORS = _own("inference_errors_total", "counter", "", STREAM, "Inferences that raised an exception.")
LOST = _own("lost_records_total", "counter", "", STREAM, "Records overwritten in the ring before they were read.")
DROPPED = _own("dropped_records_total", "counter", "", STREAM, "Records that the probe could not write.")
LATENCY = _own("inference_latency_seconds", "histogram", "seconds", STREAM, "Duration of an inference.")
LATENCY_QUANTILE = _own(
    "inference_latency_quantile_seconds", "gauge", "seconds", (*STREAM, "quantile"),
    "Duration of an inference in the window that ended then, within 1 %; quantile 1: the longest.",
)  # fmt: skip
CONFIDENCE = _own("confidence_ratio", "gauge", "ratio", STREAM, "Mean confidence of about the last 100 inferences.")
ACCURACY = _own(
    "estimated_accuracy_ratio", "gauge", "ratio", STREAM,
    "Share of right answers, estimated from confidence; absent while the estimate is void.",
)  # fmt: skip
ACCURACY_LOW = _own("estimated_accuracy_low_ratio", "gauge", "ratio", STREAM, "Lower end of the estimate's 95 % band.")
ACCURACY_HIGH = _own(
    "estimated_accuracy_high_ratio", "gauge", "ratio", STREAM, "Upper end of the estimate's 95 % band."
)
ACCURACY_VALID = _own(
    "estimated_accuracy_valid", "gauge", "", STREAM, "1 where the estimate can be believed, 0 where it is void."
)
ACCURACY_CALIBRATED = _own(
    "estimated_accuracy_calibrated", "gauge", "", STREAM, "1 where labels calibrated the estimate, 0 where none did."
)
TRUE_ACCURACY = _own(
    "accuracy_ratio", "gauge", "ratio", STREAM, "Share of right answers among the inferences that were labelled last."
)
TRUE_ACCURACY_LOW = _own("accuracy_low_ratio", "gauge", "ratio", STREAM, "Lower end of its 95 % confidence interval.")
TRUE_ACCURACY_HIGH = _own("accuracy_high_ratio", "gauge", "ratio", STREAM, "Upper end of its 95 % confidence interval.")
ABSOLUTE_ERROR = _own(
    "absolute_error_mean", "gauge", "", STREAM,
    "Mean absolute error of the values that were labelled last, in the model's own unit.",
)  # fmt: skip
LABELS = _own(
    "labels_total", "counter", "", (*STREAM, "result"),
    "Labels told for this stream: labelled, replaced (a second label of one inference) or refused.",
)  # fmt: skip
LABELS_LOST = _own(
    "unmatched_labels_total", "counter", "", (*DEVICE, "result"),
    "Labels that came to nothing: not_found (no such inference) or lost (overwritten before they were read).",
)  # fmt: skip
LABELS_WAITING = _own("labels_waiting", "gauge", "", DEVICE, "Labels whose inference is not known yet.")
PREDICTIONS = _own(
    "predictions_total", "counter", "", (*STREAM, "class"), "Inferences by predicted class, the most frequent ones."
)
REFERENCE_ROWS = _own("reference_rows", "gauge", "", STREAM, "Inferences that the reference was learned from so far.")
REFERENCE_TARGET = _own("reference_target_rows", "gauge", "", STREAM, "Inferences that the reference needs.")
LAST_INFERENCE = _own(
    "last_inference_timestamp_seconds", "gauge", "seconds", STREAM, "When the last inference ended (Unix time)."
)
ALARM_BUDGET = _own(
    "alarm_budget_inferences", "gauge", "", STREAM, "At most one false alarm is expected in so many inferences."
)

SIGNAL_MEAN = _own("signal_mean", "gauge", "", SIGNAL, "Mean of a signal over a window, in its own unit.")
SIGNAL_DEVIATION = _own(
    "signal_deviation", "gauge", "", SIGNAL, "Standard deviation of a signal over a window, in its own unit."
)
SIGNAL_LEAST = _own("signal_least", "gauge", "", SIGNAL, "Least value in a window. Not sent unless asked for by name.")
SIGNAL_MOST = _own("signal_most", "gauge", "", SIGNAL, "Greatest value in a window. Not sent unless asked for by name.")
SIGNAL_MISSING = _own("signal_missing_ratio", "gauge", "ratio", SIGNAL, "Share of inferences without a value.")
SIGNAL_VALUES = _own("signal_values", "histogram", "", SIGNAL, "Values of a signal, on quantiles of its reference.")
EVIDENCE = _own(
    "signal_evidence_ratio", "gauge", "ratio", SIGNAL,
    "Share of the way to an alarm, of a signal or a watched series; the device's own have the model `this device`.",
)  # fmt: skip
PSI = _own(
    "signal_psi_nats", "gauge", "nats", SIGNAL,
    "Population stability index against the reference. An effect size, never an alarm.",
)  # fmt: skip
KS = _own(
    "signal_ks_ratio", "gauge", "ratio", SIGNAL,
    "Kolmogorov-Smirnov distance from the reference (total variation for classes). An effect size, never an alarm.",
)  # fmt: skip
WASSERSTEIN = _own(
    "signal_wasserstein_sigmas", "gauge", "sigmas", SIGNAL,
    "Wasserstein distance in standard deviations of the reference. An effect size, never an alarm.",
)  # fmt: skip

OWN = (
    BUILD, DEVICE_STATE, SNAPSHOT, UPTIME, AGENT_RSS, AGENT_CPU, AGENT_READY, PARTS_FAILED, SERIES_CUT,
    BUFFER_BYTES, BUFFER_LIMIT, BUFFER_ROWS, BUFFER_SEGMENTS, BUFFER_DURABLE, BUFFER_DISCARDED, BUFFER_COMMIT,
    BUFFER_RESERVE, BUFFER_QUARANTINE, WRITTEN, WRITTEN_LIMIT, THINNING,
    SENT_BYTES, ACCEPTED, REJECTED, FAILING, WAITING, WAITING_FINDINGS, WAITING_AGE, DEAD_LETTERS, UNSENT,
    FINDINGS, STREAM_FINDINGS, STREAM_ONSET, JUDGED,
    STREAM_STATE, INFERENCES, ERRORS, LOST, DROPPED, LATENCY, LATENCY_QUANTILE, CONFIDENCE, PREDICTIONS,
    ACCURACY, ACCURACY_LOW, ACCURACY_HIGH, ACCURACY_VALID, ACCURACY_CALIBRATED,
    TRUE_ACCURACY, TRUE_ACCURACY_LOW, TRUE_ACCURACY_HIGH, ABSOLUTE_ERROR, LABELS, LABELS_LOST, LABELS_WAITING,
    REFERENCE_ROWS, REFERENCE_TARGET, LAST_INFERENCE, ALARM_BUDGET,
    SIGNAL_MEAN, SIGNAL_DEVIATION, SIGNAL_LEAST, SIGNAL_MOST, SIGNAL_MISSING, SIGNAL_VALUES,
    EVIDENCE, PSI, KS, WASSERSTEIN,
)  # fmt: skip


def _host(otel: str, kind: MetricKind, unit: str, labels: tuple[str, ...], combine: Combine, text: str) -> Metric:
    name = otel.replace(".", "_")
    if unit and not name.endswith(f"_{unit}"):
        name += f"_{unit}"
    if kind == "counter":
        name = f"{name.removesuffix('_count')}_total"
    return Metric(name, kind, unit, text, (*DEVICE, *labels), combine)


# Several processes of one model add up; of two sensors that share a label, the worse one counts.
_HOST_TABLE: tuple[tuple[str, MetricKind, str, tuple[str, ...], Combine, str], ...] = (
    ("system.cpu.utilization", "gauge", "ratio", (), "max", "Share of all cores in use."),
    ("system.cpu.logical.count", "gauge", "", (), "max", "Cores that programs may run on."),
    ("system.cpu.load_average.1m", "gauge", "", (), "max", "Load average over a minute."),
    ("system.cpu.frequency", "gauge", "hertz", (), "max", "Clock frequency of the processor."),
    ("system.cpu.frequency.ratio", "gauge", "ratio", (), "max", "Clock frequency as a share of the highest."),
    ("system.cpu.throttle.count", "counter", "", (), "max", "Times that heat slowed the processor."),
    ("system.cpu.throttled", "gauge", "", (), "max", "1 while the processor is slowed by heat or lack of power."),
    ("system.memory.utilization", "gauge", "ratio", ("state",), "max", "Share of memory, by state."),
    ("system.memory.usage", "gauge", "bytes", ("state",), "max", "Memory, by state."),
    ("system.memory.limit", "gauge", "bytes", (), "max", "Memory that the device has."),
    ("system.linux.memory.available", "gauge", "bytes", (), "max", "Memory available without swapping."),
    ("system.paging.utilization", "gauge", "ratio", (), "max", "Share of swap in use."),
    ("system.filesystem.utilization", "gauge", "ratio", ("mountpoint",), "max", "Share of a file system in use."),
    ("system.filesystem.usage", "gauge", "bytes", ("mountpoint", "state"), "max", "File system space, by state."),
    ("system.uptime", "gauge", "seconds", (), "max", "Time since the device started."),
    ("process.cpu.utilization", "gauge", "ratio", ("model",), "sum", "Share of one core used by the service."),
    ("process.cpu.slowdown", "gauge", "ratio", ("model",), "max", "Times as long that work takes for want of a core."),
    ("process.memory.usage", "gauge", "bytes", ("model",), "sum", "Resident memory of the watched service."),
    ("process.thread.count", "gauge", "", ("model",), "sum", "Threads of the watched service."),
    ("process.open_file_descriptor.count", "gauge", "", ("model",), "sum", "Files that the watched service has open."),
    ("hw.temperature", "gauge", "celsius", ("sensor",), "max", "Temperature, by sensor."),
    ("hw.fan.speed", "gauge", "rpm", ("sensor",), "max", "Fan speed, by sensor."),
    ("hw.power", "gauge", "watts", ("sensor",), "max", "Power drawn, by sensor."),
    ("hw.voltage", "gauge", "volts", ("sensor",), "max", "Voltage, by rail."),
    ("hw.gpu.utilization", "gauge", "ratio", ("sensor",), "max", "Share of the accelerator in use."),
    ("hw.status", "gauge", "", ("sensor", "state"), "max", "1 where the hardware says that it is in this state."),
    (
        "hw.physical_disk.endurance_utilization",
        "gauge",
        "ratio",
        ("sensor", "state"),
        "max",
        "What is left, at least, of the life of the storage; in steps of a tenth.",
    ),
    ("hw.battery.charge", "gauge", "ratio", ("sensor",), "max", "Charge of a battery."),
)
HOST = {row[0]: _host(*row) for row in _HOST_TABLE}  # by OpenTelemetry name
READINGS = {**HOST, "driftline.findings.judged.count": JUDGED}  # what goes every way that the device's readings go

METRICS = {metric.name: metric for metric in (*OWN, *HOST.values())}
SERIES_NAMES = frozenset(name for metric in METRICS.values() for name in metric.series_names)


def version_label(stream: Stream) -> str:
    """Return the `version` label of a stream: readable, and different wherever the model file is.

    A model file that was retrained without a new version must not continue the old one's series.

    >>> from agent.model import Stream
    >>> version_label(Stream(model="meter-reader", version="1.4", sha256="9f86d081884c7d65"))
    '1.4+9f86d081884c'
    >>> version_label(Stream(model="meter-reader", version="1.4"))
    '1.4'
    """
    return "+".join(part for part in (stream.version, stream.sha256[:12]) if part) or UNKNOWN
