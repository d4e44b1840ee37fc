"""The real probe, in a process of its own, read by the collector."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.clock import SystemClock
from agent.model import Block, StreamChange
from collectors.rings import RingCollector
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.ports import Item

SERVICE = """
import sys
import numpy as np
import driftline

def classify(image):
    if image.mean() > 2:
        raise ValueError("too bright")
    score = np.zeros((len(image), 3), np.float32)
    score[:, 1] = 0.8
    score[:, 2] = 0.2
    return score

model = driftline.watch(classify, model="camera")
rng = np.random.default_rng(0)
for line in sys.stdin:
    what, count = line.split()
    for _ in range(int(count)):
        if what == "frames":
            model(rng.random((1, 1, 8, 8), dtype=np.float32))
        elif what == "wide":
            model(rng.random((1, 1, 12, 12), dtype=np.float32))
        elif what == "batch":
            model(rng.random((5, 1, 8, 8), dtype=np.float32))
        elif what == "observe":
            driftline.observe("boiler", {"pressure": 1.5, "level": None}, prediction=2, confidence=0.5, latency_s=0.25)
        else:
            try:
                model(np.full((1, 1, 8, 8), 3, np.float32))
            except ValueError:
                pass
    print("done", flush=True)
"""


class Service:
    """A watched service that does as it is told."""

    def __init__(self, directory: Path) -> None:
        environment = {**os.environ, "DRIFTLINE_RUN": str(directory)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVICE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )

    def do(self, what: str, count: int = 1) -> None:
        """Let it run so many inferences, and wait for them."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{what} {count}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service whose rings lie in `tmp_path`."""
    running = Service(tmp_path)
    yield running
    running.process.kill()
    running.process.communicate()


def gather(collector: RingCollector, rows: int) -> tuple[list[Block], list[StreamChange]]:
    """Collect until there are so many rows."""
    items: list[Item] = []

    def enough() -> bool:
        items.extend(collector.collect())
        return sum(len(item) for item in items if isinstance(item, Block)) >= rows

    wait_until(enough, f"{rows} rows")
    return [i for i in items if isinstance(i, Block)], [i for i in items if isinstance(i, StreamChange)]


def test_a_service_from_its_first_call_to_its_death(tmp_path: Path, service: Service) -> None:
    """Frames, batches, failures and a new shape come through as they were; the dead service's ring is closed."""
    collector = RingCollector([tmp_path], SystemClock())
    service.do("frames", 50)
    found, changes = gather(collector, 50)
    assert [change.kind for change in changes] == ["opened"]
    assert {(block.stream.model, block.stream.pid) for block in found} == {("camera", service.process.pid)}
    names = [signal.name for signal in found[0].signals]
    assert names[:2] + names[-2:] == ["brightness", "contrast", "output_nonfinite", "latency"]
    values = np.concatenate([block.values for block in found])
    rng = np.random.default_rng(0)
    frames = [rng.random((1, 1, 8, 8), dtype=np.float32) for _ in range(50)]
    np.testing.assert_allclose(values[:, names.index("brightness")], [f.mean() for f in frames], rtol=1e-5)
    assert set(values[:, names.index("prediction")].tolist()) == {1.0}
    np.testing.assert_allclose(values[:, names.index("confidence")], 0.8)
    assert (values[:, names.index("latency")] > 0).all()

    service.do("fail")
    service.do("batch")
    found, changes = gather(collector, 6)
    assert np.concatenate([block.status for block in found]).tolist() == [1, 0, 0, 0, 0, 0]
    assert changes == []

    service.do("wide")
    found, changes = gather(collector, 1)
    assert [(change.kind, change.detail) for change in changes] == [
        ("shape", "input 'input' was [1, 8, 8], is [1, 12, 12] (without the batch)")
    ]

    service.do("frames", 3)
    service.process.kill()
    service.process.wait()
    last, changes = gather(collector, 3)
    closed = wait_until(lambda: [i for i in collector.collect() if isinstance(i, StreamChange)] or None, "closed")
    assert [change.kind for change in closed] == ["closed"]
    assert last[-1].last_seq == 56


def test_a_restart_of_the_agent_loses_nothing(tmp_path: Path, service: Service) -> None:
    """A second agent, given the first one's position, goes on with the next record."""
    service.do("frames", 20)
    first = RingCollector([tmp_path], SystemClock())
    found, _ = gather(first, 20)
    first.close()
    service.do("frames", 10)
    second = RingCollector([tmp_path], SystemClock(), {found[-1].source: found[-1].last_seq})
    found, changes = gather(second, 10)
    assert sum(map(len, found)) == 10
    assert [change.kind for change in changes] == ["opened"]
    assert changes[0].detail.endswith("continued at record 21, 0 records lost while the agent was away")


def test_what_is_observed_by_hand(tmp_path: Path, service: Service) -> None:
    """Named values arrive under their names, None as missing."""
    service.do("observe")
    (block,), _ = gather(RingCollector([tmp_path], SystemClock()), 1)
    assert [(signal.name, signal.role, signal.kind) for signal in block.signals] == [
        ("pressure", "input", "continuous"),
        ("level", "input", "continuous"),
        ("prediction", "output", "categorical"),
        ("confidence", "output", "continuous"),
        ("latency", "runtime", "continuous"),
    ]
    np.testing.assert_allclose(block.values, [[1.5, np.nan, 2, 0.5, 0.25]], rtol=1e-6)
