from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from driftline import ids

from tests.probe.ring_reader import read_ring

PROBE = Path(__file__).parents[2] / "probe"
CORE = """
import array, os, sys
import driftline
assert "numpy" not in sys.modules
total = driftline.watch(lambda values: float(sum(values)), model="total")
for number in range(300):
    assert total([number, 1]) == number + 1
assert total(array.array("f", [1, 2])) == 3
driftline.observe("boiler", {"pressure": 1.5}, prediction=1, confidence=0.75, latency_s=0.5)
driftline.observe("boiler", {"pressure": 2.5}, prediction=0, confidence=0.75, latency_s=0.5, id="part-1")
assert driftline.last_id() == "part-1"
driftline.label("part-1", "open")
try:
    total(None)
except TypeError:
    pass
child = os.fork()
if child == 0:
    total([1.0, 1.0])
    os._exit(0)
os.waitpid(child, 0)
"""


def _python(version: str) -> str | None:
    found = shutil.which(f"python{version}")
    if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
        return found
    managed = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    return str(managed[-1]) if managed else None


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12", "3.13"])
def test_core_runs_without_numpy(version: str, tmp_path: Path) -> None:
    """Under every Python that a device may have, with the standard library alone, the core does its work."""
    python = _python(version)
    if python is None:
        pytest.skip(f"there is no Python {version} on this machine")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROBE), "DRIFTLINE_RUN": str(tmp_path)}
    done = subprocess.run(
        [python, "-B", "-S", "-W", "error", "-W", "ignore::DeprecationWarning", "-c", CORE],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    contents = [read_ring(path) for path in sorted(tmp_path.glob("*.ring"))]
    assert sorted((content.identity["model"], len(content.records)) for content in contents) == [
        ("boiler", 2),
        ("total", 1),
        ("total", 302),
    ]
    (boiler,) = [content for content in contents if content.identity["model"] == "boiler"]
    assert boiler.parts(boiler.records[0])["outputs"] == {"prediction": 1.0, "confidence": 0.75}
    assert boiler.parts(boiler.records[1])["id"] == ids.bytes_of(["part-1"])
    (labels,) = [read_ring(path) for path in tmp_path.glob("*.labels")]
    assert len(labels.records) == 1
