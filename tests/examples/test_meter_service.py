from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from driftline import wire

from examples.meter_camera import probe_cost
from tests.probe.ring_reader import read_ring

pytest.importorskip("onnxruntime")
REPOSITORY = Path(__file__).parents[2]


def start(run: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the service with a run directory."""
    command = [sys.executable, "-m", "examples.meter_camera.service", *arguments]
    return subprocess.Popen(
        command, cwd=REPOSITORY, env={**os.environ, "DRIFTLINE_RUN": str(run)}, stdout=subprocess.PIPE, text=True
    )


def lines(text: str) -> list[dict[str, Any]]:
    """Decode what the service said."""
    return [json.loads(line) for line in text.splitlines()]


def test_a_service_without_an_agent_runs_and_knows_the_truth(tmp_path: Path) -> None:
    """Three seconds at 100 images a second: no failure, its pace kept, accuracy known before and after the onset."""
    with start(tmp_path, "--seconds", "3", "--drift", "rotate", "--onset", "1.5") as service:
        said = lines(service.communicate(timeout=30)[0])
    assert service.returncode == 0
    ready, onset, end = said[0], next(line for line in said if line["event"] == "onset"), said[-1]

    assert [ready["event"], end["event"]] == ["ready", "end"]
    assert end["failures"] == 0
    assert end["inferences"] + end["dropped_images"] == 300
    assert end["dropped_images"] < 100
    assert pytest.approx(3.0, abs=0.1) == end["seconds"]
    assert pytest.approx(1.5, abs=0.1) == onset["onset_seconds"]
    assert onset["inferences"] == onset["onset_index"] == end["before"]["images"]
    assert end["before"]["correct"] / end["before"]["images"] > 0.9
    assert end["full"]["correct"] / end["full"]["images"] < 0.7
    assert 0 < ready["probe_p50_ns"] < 100_000
    assert [*range(len(said))] == sorted(range(len(said)), key=lambda i: said[i]["time"])


def test_the_service_is_watched(tmp_path: Path) -> None:
    """Its ring lies in the run directory, and nothing of the measurement before it."""
    with start(tmp_path, "--seconds", "30") as service:
        assert service.stdout is not None
        said = [json.loads(service.stdout.readline()) for _ in range(2)]
        rings = list(tmp_path.glob("*.ring"))
        service.terminate()
        service.communicate(timeout=10)
    assert len(rings) == 1
    assert b"meter-reader" in rings[0].read_bytes()[:16_384]
    assert said[1]["event"] == "progress"


def test_the_service_tells_the_truth_about_its_first_images(tmp_path: Path) -> None:
    """Sixty of two hundred images are labelled: the label ring has these, and holds no more."""
    with start(tmp_path, "--seconds", "2", "--labelled", "60") as service:
        end = lines(service.communicate(timeout=30)[0])[-1]
    assert end["inferences"] > 60
    (ring,) = tmp_path.glob(f"*{wire.LABELS_SUFFIX}")
    assert len(read_ring(ring).records) == 60


def test_sigterm_ends_the_service_with_its_last_line(tmp_path: Path) -> None:
    """A stopped service says what it did, and exits 0."""
    with start(tmp_path, "--seconds", "60") as service:
        assert service.stdout is not None
        for line in service.stdout:
            if json.loads(line)["event"] == "progress":
                break
        service.send_signal(signal.SIGTERM)
        said = lines(service.communicate(timeout=10)[0])
    assert (service.returncode, said[-1]["event"]) == (0, "end")


def test_slowness_costs_images_not_failures(tmp_path: Path) -> None:
    """Inferences that take 20 ms leave room for at most 50 images a second; the others are dropped and counted."""
    with start(tmp_path, "--seconds", "2", "--drift", "slow", "--onset", "1") as service:
        end = lines(service.communicate(timeout=30)[0])[-1]
    assert end["failures"] == 0
    assert 20 <= end["full"]["images"] <= 50
    assert end["inferences"] + end["dropped_images"] == 200


def test_the_cost_of_watching_is_measured_away_from_the_agents_eyes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The measurement leaves no ring in the run directory, and the environment as it was."""
    monkeypatch.setenv("DRIFTLINE_RUN", str(tmp_path))
    assert 0 < probe_cost.measure(calls=200) < 1e6
    assert list(tmp_path.iterdir()) == []
    assert str(tmp_path) == os.environ["DRIFTLINE_RUN"]
