"""A real Prometheus scrapes a real page: first records made by hand, then an agent beside a real service."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from agent.model import AccuracyEstimate
from agent.status import TruthStatus
from agent.verdicts import judged_readings
from exporters.prometheus import PrometheusPage
from exporters.scrape import start_scrape
from tests.agent_process import AgentProcess, ServiceProcess
from tests.exporters.statuses import HOST, make_finding, make_status, make_stream, replaced
from tests.grafana.expressions import RULES
from tests.integration.panel_queries import EMPTY_IN_HEALTH, panel_queries
from tests.servers.prometheus import Prometheus, running_prometheus
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.status import Status

CONFIGURATION = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: driftline
    sample_limit: 4096
    static_configs: [{{targets: [{targets}]}}]
"""


TRUTH = TruthStatus(kind="class", labels=400, recent=200, accuracy=0.97, accuracy_low=0.94, accuracy_high=0.99)
ESTIMATE = AccuracyEstimate(rows=1_000, estimate=0.96, low=0.94, high=0.98, calibrated=True, valid=True)
VOID_UNDER_A_FAULT = {"Accuracy without labels, estimated"}


def configured(*urls: str) -> str:
    """Return a configuration that scrapes these pages every second, with the rules that are shipped."""
    targets = ", ".join(f'"{url.split("/")[2]}"' for url in urls)
    return CONFIGURATION.format(rules=RULES, targets=targets)


class Device:
    """A device whose streams run on: every look at it finds more inferences than the last."""

    def __init__(self, device: str, *, ill: bool) -> None:
        self.device, self.ill, self.looks = device, ill, 0

    async def status(self) -> Status:
        """Describe it as it is at this look."""
        self.looks += 1
        stream = make_stream(inferences=12_000 + 100 * self.looks, truth=TRUTH, accuracy=ESTIMATE)
        judged = judged_readings({}, 0)
        if not self.ill:
            return make_status(device=self.device, streams=(stream,), host=HOST, judged=judged)
        critical = replaced(stream, state="critical", accuracy=replaced(ESTIMATE, valid=False))
        return make_status(
            device=self.device,
            state="critical",
            streams=(critical,),
            host=HOST,
            judged=judged,
            findings=(make_finding(),),
        )


@contextmanager
def served(*devices: Device) -> Iterator[list[str]]:
    """Serve the pages of these devices from a thread of their own; yields their URLs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def wait(coroutine: object) -> object:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(timeout=10)  # type: ignore[arg-type]

    servers = [wait(start_scrape(PrometheusPage(), device.status, port=0)) for device in devices]
    try:
        yield [server.url for server in servers]  # type: ignore[attr-defined]
    finally:
        for server in servers:
            wait(server.close())  # type: ignore[attr-defined]
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def empty_panels(prometheus: Prometheus) -> set[str]:
    """Return the titles of panels of which a query has no data."""
    return {title for title, expression in panel_queries() if not prometheus.query(expression)}


def is_seen(prometheus: Prometheus, devices: int) -> bool:
    """Whether so many devices were scraped often enough for a rate, and the rules evaluated."""
    return (
        len(prometheus.query("rate(driftline_inferences_total[10s]) > 0")) == devices
        and len(prometheus.query("rate(driftline_inference_latency_seconds_count[10s])")) == devices
        and bool(prometheus.query("site_state:driftline_devices:sum"))
    )


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Run a Prometheus that has scraped two devices, one of them ill."""
    devices = Device("cam-07", ill=False), Device("cam-08", ill=True)
    with (
        served(*devices) as urls,
        running_prometheus(tmp_path_factory.mktemp("prometheus"), configured(*urls)) as prometheus,
    ):
        wait_until(lambda: is_seen(prometheus, 2), "two devices to be scraped twice", seconds=30)
        yield prometheus


def test_every_panel_has_data(fleet: Prometheus) -> None:
    """With one device ill and one well, no query of the dashboard comes back empty."""
    wait_until(lambda: not empty_panels(fleet), "every panel to have data")


def test_prometheus_takes_the_page_whole(fleet: Prometheus) -> None:
    """Every target is up, nothing is dropped as a duplicate, and types and units are understood from OpenMetrics."""
    targets = fleet.get("targets")["activeTargets"]
    assert [(target["health"], target["lastError"]) for target in targets] == [("up", "")] * 2
    scraped = fleet.query("scrape_samples_scraped")
    kept = fleet.query("scrape_samples_post_metric_relabeling")
    assert [series["value"][1] for series in scraped] == [series["value"][1] for series in kept]
    metadata = fleet.get("metadata")
    assert metadata["driftline_inferences"][0]["type"] == "counter"
    latency = metadata["driftline_inference_latency_seconds"][0]
    assert (latency["type"], latency["unit"]) == ("histogram", "seconds")


def test_the_ill_device_is_named(fleet: Prometheus) -> None:
    """The table of findings says which device, what kind and the likely cause; the alert fires for it alone."""
    expression = next(expression for title, expression in panel_queries() if title == "Open findings")
    ((metric, value),) = [(series["metric"], series["value"][1]) for series in fleet.query(expression)]
    assert (metric["device"], metric["kind"], metric["cause"], value) == ("cam-08", "shift", "sensor", "1")
    alerts = wait_until(
        lambda: fleet.query('ALERTS{alertname="DriftlineFindingCritical", alertstate="firing"}'), "the alert to fire"
    )
    assert [alert["metric"]["device"] for alert in alerts] == ["cam-08"]


def test_a_device_in_health_leaves_only_the_findings_empty(tmp_path: Path) -> None:
    """Zeros are sent where nothing is wrong, so an empty panel means that something is missing."""
    with (
        served(Device("cam-07", ill=False)) as urls,
        running_prometheus(tmp_path, configured(*urls)) as prometheus,
    ):
        wait_until(lambda: is_seen(prometheus, 1), "the device to be scraped twice", seconds=30)
        assert empty_panels(prometheus) == set(EMPTY_IN_HEALTH)


def named_page(agent: AgentProcess) -> str | None:
    """Return the URL that the agent says its metrics are at."""
    status = agent.status()
    return status.agent.scrape_url if status else None


def test_a_real_agent_fills_every_panel(tmp_path: Path) -> None:
    """An agent watching a camera whose lens fouls is scraped, and the dashboard shows it whole."""
    fouling = ("--rate", "100", "--seconds", "120", "--drift", "fouling", "--onset", "8", "--labelled", "500")
    with AgentProcess(tmp_path) as agent, ServiceProcess(agent.run, *fouling):
        url = wait_until(lambda: named_page(agent), "the agent to name its page")
        with running_prometheus(tmp_path, configured(url)) as prometheus:
            wait_until(lambda: is_seen(prometheus, 1), "the agent to be scraped twice", seconds=30)
            wait_until(
                lambda: prometheus.query("driftline_stream_findings_open"), "the fouled lens to be found", seconds=60
            )
            status = agent.status()
            assert status is not None
            measured = {reading.name for reading in status.host}
            # A sensor that a machine does not have is absent, never 0: a virtual machine has no temperature.
            unmeasured = set() if "hw.temperature" in measured else {"Temperature"}
            wait_until(
                lambda: empty_panels(prometheus) - VOID_UNDER_A_FAULT == unmeasured,
                "every panel to have data",
                seconds=20,
            )
            cut = {each["metric"]["kind"]: each["value"][1] for each in prometheus.query("driftline_scrape_series_cut")}
            assert cut == dict.fromkeys(("streams", "signals", "series", "classes", "findings", "host"), "0")
