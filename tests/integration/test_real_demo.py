"""The demo as a newcomer runs it: real camera, real model, real agent; three kinds of fault beside one another."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.agent_process import ROOT

if TYPE_CHECKING:
    from pathlib import Path

KEYS = {
    "inferences", "false_alarms", "onset_s", "detected_s", "delay_inferences", "kinds", "signals", "cause",
    "accuracy_before", "accuracy_after", "probe_p50_ns", "agent_rss_mb", "agent_cpu_percent",
    "estimate_before", "estimate_after",
}  # fmt: skip
CAUSES = {"fouling": "sensor: camera", "class-mix": "world: ", "slow": "device: "}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The last line of each demo, by fault."""
    running = {}
    for drift in CAUSES:
        state: Path = tmp_path_factory.mktemp(drift) / "state"
        command = [sys.executable, "-m", "agent", "demo", "--json", "--seconds", "30", "--drift", drift, "--state"]
        running[drift] = subprocess.Popen(
            [*command, str(state)], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    said = {drift: process.communicate(timeout=120) for drift, process in running.items()}
    assert {
        drift: (running[drift].returncode, err) for drift, (_, err) in said.items() if running[drift].returncode
    } == {}
    return {drift: json.loads(out.splitlines()[-1]) for drift, (out, _) in said.items()}


@pytest.mark.parametrize("drift", CAUSES)
def test_each_kind_of_fault_is_found_and_its_cause_named(results: dict[str, dict[str, Any]], drift: str) -> None:
    """Sensor, world and device are told apart, within five hundred images, and nothing alarms before."""
    result = results[drift]
    assert result.keys() == KEYS
    assert result["cause"].startswith(CAUSES[drift])
    assert (result["false_alarms"], 0 < result["delay_inferences"] <= 500) == (0, True)


def test_what_driftline_could_not_see_is_in_the_summary(results: dict[str, dict[str, Any]]) -> None:
    """A fouled lens costs accuracy, a delay does not; both are the service's own truth."""
    assert results["fouling"]["accuracy_before"] > 0.95
    assert results["fouling"]["accuracy_after"] < results["fouling"]["accuracy_before"] - 0.1
    assert results["slow"]["accuracy_after"] > 0.95


def test_the_estimated_accuracy_is_calibrated_and_void_where_it_would_be_wrong(
    results: dict[str, dict[str, Any]],
) -> None:
    """The truth of the first images calibrates it; it holds in health, and is no figure once the lens is foul."""
    for result in results.values():
        before = result["estimate_before"]
        assert (before["calibrated"], before["valid"]) == (True, True)
        assert before["low"] <= result["accuracy_before"] <= before["high"]
    after = results["fouling"]["estimate_after"]
    assert (after["valid"], after["reason"].startswith("inputs differ")) == (False, True)
