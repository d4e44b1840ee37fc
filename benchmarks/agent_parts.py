"""Where the agent's processor time goes, part by part, at 100 inferences a second of the demo's camera.

The pipeline of a real agent ticks in this process, in real time, so that each tick finds the caches as cold as in the
field; what the event loop, the local API and the scrape add is not in it (`agent.py` measures the whole process). The
first rhythm is the agent's, the second for comparison: twice as many looks, and a status every second that nobody
reads. Times are of the thread's processor, less what is told of a part within it.
"""

from __future__ import annotations

import collections
import functools
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import msgspec  # noqa: E402

from agent import daemon, wiring  # noqa: E402
from agent.buffer.core import Buffer  # noqa: E402
from agent.buffer.recorder import Recorder  # noqa: E402
from agent.clock import SystemClock  # noqa: E402
from agent.describing import Describer  # noqa: E402
from agent.labels.desk import LabelDesk  # noqa: E402
from agent.panel import Panel  # noqa: E402
from agent.pipeline import Pipeline  # noqa: E402
from agent.series import SeriesWatches  # noqa: E402
from agent.statistics import StreamStatistics  # noqa: E402
from collectors.host import HostCollector  # noqa: E402
from collectors.rings import RingCollector  # noqa: E402
from tests.agent_process import ServiceProcess  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

WATCHED_S = 60.0
ROUNDS = 2  # of each rhythm, in turns: this machine's neighbours are noisy
RHYTHMS = {"2 looks": (daemon.POLL_S, 0), "4 looks, described": (0.25, 4)}  # seconds, looks per description
PARTS: dict[str, list[tuple[type, str]]] = {
    "rings read, signals computed": [(RingCollector, "collect")],
    "host measured": [(HostCollector, "collect")],
    "figures for people": [(StreamStatistics, "add")],
    "detectors": [(Panel, "judge")],
    "labels": [(LabelDesk, "add"), (LabelDesk, "take"), (LabelDesk, "tick")],
    "series": [(SeriesWatches, "take_block"), (SeriesWatches, "take_reading"), (SeriesWatches, "tick")],
    "recorder": [(Recorder, "take"), (Recorder, "summaries")],
    "buffer, without commits": [(Buffer, "append")],
    "commits": [(Buffer, "commit")],
    "status described": [(Describer, "describe")],
    "the rest of the tick": [(Pipeline, "tick")],
}


class Meter:
    """Adds up what each part costs."""

    def __init__(self) -> None:
        self.spent: collections.Counter[str] = collections.Counter()
        self._within = [0]
        for part, methods in PARTS.items():
            for owner, name in methods:
                setattr(owner, name, self._timed(part, getattr(owner, name)))

    def _timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*arguments: object, **more: object) -> object:
            began = time.thread_time_ns()
            self._within.append(0)
            try:
                return function(*arguments, **more)
            finally:
                took = time.thread_time_ns() - began
                self.spent[part] += took - self._within.pop()
                self._within[-1] += took

        return call


def shares(meter: Meter, pause_s: float, described_every: int) -> dict[str, float]:
    """Run an agent at one rhythm; return the share of a core that each part took, in per cent."""
    with tempfile.TemporaryDirectory() as name:
        folder, clock = Path(name), SystemClock()
        (folder / "run").mkdir()
        reference = msgspec.structs.replace(wiring.Config().reference, rows=500, seconds=2.0)
        parts = wiring.build(wiring.Config(reference=reference), folder / "state", [folder / "run"], None, clock)
        describer = Describer(parts, clock.monotonic_ns())
        with ServiceProcess(folder / "run", "--rate", "100", "--seconds", "3600"):
            pipeline = parts.pipeline
            while not any(stream.state == "ok" for stream in pipeline.streams()):
                pipeline.tick()
                clock.sleep(pause_s)
            meter.spent.clear()
            began, looks = clock.monotonic_ns(), 0
            while (lasted_s := (clock.monotonic_ns() - began) / 1e9) < WATCHED_S:
                parts.watch_pids(pipeline.pids())
                pipeline.tick()
                looks += 1
                if described_every and looks % described_every == 0:
                    describer.describe()
                clock.sleep(pause_s)
            found = {part: meter.spent[part] / 1e7 / lasted_s for part in PARTS}
        pipeline.close()
        parts.asking.close()
        parts.store.close()
    return found


def main() -> None:
    """Measure, and print the table."""
    meter = Meter()
    rounds = [{name: shares(meter, *rhythm) for name, rhythm in RHYTHMS.items()} for _ in range(ROUNDS)]
    print(f"| % of a core | {' | '.join(RHYTHMS)} |\n|---|{'--:|' * len(RHYTHMS)}")
    table = {part: [statistics.mean(one[name][part] for one in rounds) for name in RHYTHMS] for part in PARTS}
    for part, row in (table | {"**together**": [sum(column) for column in zip(*table.values(), strict=True)]}).items():
        print(f"| {part} | {' | '.join(f'{share:.2f}' for share in row)} |")


if __name__ == "__main__":
    main()
