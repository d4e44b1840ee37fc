from datetime import timedelta

from agent.model import Reading, Signal, Stream
from agent.status import PartHealth, SeriesStatus, WearStatus
from exporters import bounds
from exporters.naming import HOST as DECLARED
from exporters.samples import Histogram, Sampler, Samples
from tests.exporters.statuses import HOST, NOW, make_finding, make_signals, make_status, make_stream, replaced


def series_count(samples: Samples) -> int:
    """Count series as a store does: a histogram has one a bucket, and two more."""
    return sum(
        len(value.buckets) + 2 if isinstance(value, Histogram) else 1
        for series in samples.values()
        for value in series.values()
    )


def test_a_device_says_in_which_state_it_is() -> None:
    """One state is 1, all others are 0, so that a change shows."""
    states = Sampler().sample(make_status(state="warning"))["driftline_device_state"]
    assert states == {
        ("north", "cam-07", state): float(state == "warning")
        for state in ("waiting", "learning", "ok", "warning", "critical")
    }


def test_findings_are_counted_by_kind_and_likely_cause() -> None:
    """Two findings of a kind are one series with the older onset."""
    older = make_finding(onset=NOW - timedelta(hours=1))
    samples = Sampler().sample(make_status(findings=(make_finding(), older, make_finding(kind="stuck", causes=()))))
    stream = ("north", "cam-07", "meter-reader", "1.4+9f86d081884c")
    assert samples["driftline_stream_findings_open"] == {
        (*stream, "shift", "critical", "open", "sensor"): 2.0,
        (*stream, "stuck", "critical", "open", "unknown"): 1.0,
    }
    onset = samples["driftline_stream_finding_onset_timestamp_seconds"]
    assert onset[*stream, "shift", "critical", "open", "sensor"] == older.onset.timestamp()


def test_no_finding_is_a_zero() -> None:
    """A device in health says so: a sum over the fleet needs the zeros."""
    counts = Sampler().sample(make_status())["driftline_findings_open"]
    assert counts == {("north", "cam-07", severity): 0.0 for severity in ("info", "warning", "critical")}


def test_what_is_not_known_is_absent() -> None:
    """A stream that has no confidence, effect or latency yet has no such series, and no zeros in their place."""
    signals = tuple(replaced(signal, effect=None) for signal in make_signals(2))
    stream = make_stream(confidence=None, latency_buckets=(), last_inference=None, signals=signals)
    samples = Sampler().sample(make_status(streams=(stream,)))
    absent = {
        "driftline_confidence_ratio",
        "driftline_inference_latency_seconds",
        "driftline_last_inference_timestamp_seconds",
        "driftline_signal_psi_nats",
    }
    assert absent & set(samples) == set()
    assert len(samples["driftline_signal_evidence_ratio"]) == 2


def test_processes_of_one_model_add_up_and_sensors_stay_apart() -> None:
    """The pid is no label; the temperatures of two sensors are two series."""
    samples = Sampler().sample(make_status())
    assert samples["process_cpu_utilization_ratio"] == {("north", "cam-07", "meter-reader"): 0.5}
    assert samples["hw_temperature_celsius"] == {
        ("north", "cam-07", "cpu-thermal"): 58.5,
        ("north", "cam-07", "nvme"): 47.0,
    }


def test_of_processes_that_are_held_up_the_worst_counts() -> None:
    """It is a factor, and adds up to nothing."""
    labels = ((("model", "meter-reader"), ("pid", pid)) for pid in ("71", "72"))
    held_up = (Reading("process.cpu.slowdown", "1", 3.0 + at, 0, pair) for at, pair in enumerate(labels))
    samples = Sampler().sample(make_status(host=(*HOST, *held_up)))
    assert samples["process_cpu_slowdown_ratio"] == {("north", "cam-07", "meter-reader"): 4.0}


def test_an_undeclared_reading_is_left_out_and_counted() -> None:
    """A host metric that is not declared does not invent a name."""
    samples = Sampler().sample(make_status(host=(*HOST, Reading("hw.invented", "1", 1.0, 0))))
    assert samples["driftline_scrape_series_cut"][("north", "cam-07", "host")] == 1.0


def test_parts_that_failed_are_counted() -> None:
    """One broken collector shows in the fleet."""
    status = make_status()
    parts = (PartHealth(name="ring", ok=True), PartHealth(name="host", ok=False, note="gone"))
    samples = Sampler().sample(replaced(status, agent=replaced(status.agent, parts=parts)))
    assert samples["driftline_agent_parts_failed"] == {("north", "cam-07"): 1.0}


def test_a_typical_device_sends_few_series() -> None:
    """One model with twenty signals and ten classes costs a fleet's store about two hundred series."""
    assert series_count(Sampler().sample(make_status())) <= 200


def test_no_device_sends_more_than_the_bound() -> None:
    """Too many models, signals, classes, sensors and findings at once stay within the bound; each cut is counted."""
    streams = tuple(
        make_stream(
            f"m{at}",
            key=f"m{at}",
            stream=Stream(model=f"m{at}", sha256=f"{at:012x}"),
            signals=make_signals(500),
            predictions=tuple((f"class {code}", 5) for code in range(100)),
            latency_buckets=tuple((float(bound), bound) for bound in range(200)),
        )
        for at in range(40)
    )
    host = tuple(
        Reading(name, "", 1.0, 0, tuple((label, f"l{at}") for label in ("sensor", "state", "mountpoint", "model")))
        for name in DECLARED
        for at in range(50)
    )
    findings = tuple(make_finding(kind=f"kind {at}") for at in range(100))
    labelled = sum(len(metric.labels) > 2 for metric in DECLARED.values())
    samples = Sampler().sample(make_status(streams=streams, host=host, findings=findings))
    assert series_count(samples) <= bounds.MAX_SERIES
    cut = {labels[2]: value for labels, value in samples["driftline_scrape_series_cut"].items()}
    assert cut == {
        "streams": 24.0,
        "signals": 16 * 500.0 - bounds.MAX_SIGNALS,
        "series": 0.0,
        "classes": 16 * (100.0 - bounds.MAX_CLASSES),
        "findings": 100.0 - bounds.MAX_FINDINGS,
        "host": labelled * (50.0 - bounds.MAX_SENSORS),
    }


def test_watched_series_are_on_their_way_to_an_alarm_like_signals() -> None:
    """A stream's latency and the device's temperature have evidence under the names that their findings have."""
    slow = SeriesStatus(signal=Signal("median latency", "runtime"), evidence=0.4)
    hot = tuple(SeriesStatus(signal=Signal(f"temperature {at}", "host"), evidence=at / 100) for at in range(40))
    samples = Sampler().sample(replaced(make_status(streams=(make_stream(series=(slow,)),)), series=hot))
    evidence = samples["driftline_signal_evidence_ratio"]
    assert evidence["north", "cam-07", "meter-reader", "1.4+9f86d081884c", "median latency"] == 0.4
    device = {labels[4]: value for labels, value in evidence.items() if labels[2] == "this device"}
    assert (len(device), device["temperature 39"]) == (bounds.MAX_WATCHED, 0.39)
    assert samples["driftline_scrape_series_cut"]["north", "cam-07", "series"] == 40.0 - bounds.MAX_WATCHED


def test_what_is_written_and_the_thinning_are_told() -> None:
    """What the system does not tell is absent; the rest is there."""
    buffer = replaced(make_status().buffer, reserve_bytes=6, quarantine_bytes=5)
    wear = WearStatus(written_bytes=7, limit_bytes=9, thinning=2, why="why")
    samples = Sampler().sample(make_status(buffer=replaced(buffer, wear=wear)))
    names = ("buffer_reserve_bytes", "buffer_quarantine_bytes", "written_day_bytes", "written_day_limit_bytes",
             "buffer_thinning_level")  # fmt: skip
    assert [list(samples[f"driftline_{name}"].values()) for name in names] == [[6.0], [5.0], [7.0], [9.0], [2.0]]
    unknown = Sampler().sample(make_status(buffer=replaced(buffer, wear=replaced(wear, written_bytes=None))))
    assert "driftline_written_day_bytes" not in unknown
