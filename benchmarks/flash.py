"""Bytes written to the disk: a million inferences with every row kept and at defaults, a finding, an idle day.

`python benchmarks/flash.py`: the buffer on this disk, 20 camera-like signals at 100 inferences a second, 40 host
readings every five seconds, the detectors' states (101 kB) saved as the agent does, on a clock that is moved by hand.
Bytes are what the kernel says that this process dirtied of files on disks (`write_bytes` in `/proc/self/io`): pages of
4 KiB, the write-ahead log and its folding included, the file system's own journal not. Prints a Markdown table; exit
status 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path[0] = str(Path(__file__).parents[1])  # this folder has an `agent.py` of its own

from agent.baselines import SignalBaseline  # noqa: E402
from agent.buffer import BufferConfig, open_buffer  # noqa: E402
from agent.buffer.schema import checkpoint  # noqa: E402
from agent.clock import ManualClock, utc  # noqa: E402
from agent.model import Cause, Finding, Reading, SignalEvidence  # noqa: E402
from benchmarks.buffer_peers import make_block  # noqa: E402

if TYPE_CHECKING:
    from agent.buffer import Buffer, Capture
    from agent.model import Block

RATE, NOW_NS = 100, 1_795_000_000_000_000_000
MEMORY = "/dev/shm"  # noqa: S108  # a tmpfs, as the run directory is
STATE_BYTES, SAVED_S = 101_000, 3_600
CHECK_S = 5  # how often the pipeline looks whether something is due
GOALS = {"all": 130.0, "flight-recorder": 10.0, "idle": 30.0}
SHARES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def written() -> int:
    """Bytes that this process has sent to storage."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("write_bytes")))


class Device:
    """A buffer and what an agent does with it, at `rate` inferences a second."""

    def __init__(self, folder: Path, run_dir: Path, capture: Capture, rate: int) -> None:
        self.clock, self.rate, self.seconds = ManualClock(NOW_NS), rate, 0
        self.buffer: Buffer = open_buffer(folder, self.clock, BufferConfig(capture=capture), run_dir)
        self._random = np.random.default_rng(1)
        self._rows = make_block(self._random, 0, noise=False)
        described = [
            SignalBaseline(
                signal=signal, block_rows=1, missing=0.0,
                quantiles=tuple(zip(SHARES, np.quantile(self._rows.values[:, at], SHARES).tolist(), strict=True)),
            )
            for at, signal in enumerate(self._rows.signals)
        ]  # fmt: skip
        self.key = self._rows.stream.key
        self.buffer.know_reference(self.key, "r1", described)

    def run(self, seconds: int) -> None:
        """Let time pass."""
        for _ in range(seconds):
            self.clock.advance(1)
            self.seconds += 1
            readings = [] if self.seconds % 5 else [self._reading(at) for at in range(40)]
            self.buffer.append([self._block()] if self.rate else [], readings)
            if self.seconds % CHECK_S == 0:
                self.buffer.commit(everything=False)
            if self.rate and self.seconds % SAVED_S == 0:
                self.buffer.put_state(self.key, "monitor", self._random.bytes(STATE_BYTES))
            elif self.rate and self.seconds * self.rate % 20_000 == 0:
                self.buffer.put_checkpoint(self.key, "monitor", self._random.bytes(STATE_BYTES))

    def end(self) -> None:
        """Fold the log in, so that it is counted, and close."""
        self.buffer.commit()
        files = self.buffer._files  # noqa: SLF001  # nobody else folds the log in by hand
        engine = files.ready()
        if engine:
            for segment in files.segments.opened:
                engine.run(checkpoint(segment.alias))
        self.buffer.close()

    def find(self) -> None:
        """Open a finding."""
        moment, evidence = utc(self.clock.wall_ns()), SignalEvidence(
            name="signal_0", role="input", detector="shift", value=2.0, threshold=1.0
        )  # fmt: skip
        self.buffer.save_finding(
            Finding(
                id="f-1", stream=self._rows.stream, kind="shift", severity="warning", state="open",
                sentence="It changed.", advice="",
                onset=moment, opened=moment, updated=moment, row=0, onset_row=0, signals=(evidence,),
                causes=(Cause("world", "x", 1.0, ""),),
            )
        )  # fmt: skip

    def _block(self) -> Block:
        start = self.seconds * self.rate % (len(self._rows) - self.rate)
        rows = slice(start, start + self.rate)
        times = self.clock.wall_ns() - np.arange(self.rate)[::-1] * (1_000_000_000 // self.rate)
        return replace(
            self._rows, time_ns=times, latency_s=self._rows.latency_s[rows], status=self._rows.status[rows],
            values=self._rows.values[rows], last_seq=self.seconds * self.rate, ids=None,
        )  # fmt: skip

    def _reading(self, at: int) -> Reading:
        return Reading(
            "system.cpu.utilization", "1", float(self._random.random()), self.clock.wall_ns(), (("cpu", str(at)),)
        )


def measure(capture: Capture, rate: int, seconds: int, *, finding: bool = False) -> float:
    """Return the megabytes that so many seconds write."""
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd()) as folder,
        tempfile.TemporaryDirectory(dir="/dev/shm") as run,
    ):  # a tmpfs, as the run directory is
        device = Device(Path(folder) / "state", Path(run), capture, rate)
        device.run(60)
        before = written()
        device.run(seconds // 2)
        if finding:
            device.find()
        device.run(seconds - seconds // 2)
        device.end()
        return (written() - before) / 1e6


def main() -> int:
    """Measure, print the table, and say whether the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inferences", type=int, default=1_000_000, help="that are measured; scaled to a million")
    parser.add_argument("--idle-hours", type=int, default=6, help="that are measured; scaled to a day")
    options = parser.parse_args()
    seconds, share = options.inferences // RATE, 1e6 / options.inferences
    began = time.perf_counter()
    found = {mode: measure(mode, RATE, seconds) * share for mode in ("all", "sampled", "flight-recorder")}
    finding = measure("flight-recorder", RATE, 1_200, finding=True) - measure("flight-recorder", RATE, 1_200)
    found["idle"] = measure("flight-recorder", 0, options.idle_hours * 3_600) * 24 / options.idle_hours
    print("| written | MB | goal |\n|---|---:|---:|")
    for mode in ("all", "sampled", "flight-recorder"):
        goal = f"≤ {GOALS[mode]:g}" if mode in GOALS else ""
        print(f'| a million inferences, `capture = "{mode}"` | {found[mode]:.1f} | {goal} |')
    print(f"| a finding, besides | {finding:.1f} | |")
    print(f"| a day without an inference | {found['idle']:.1f} | ≤ {GOALS['idle']:g} |")
    print(f"\n{time.perf_counter() - began:.0f} s", file=sys.stderr)
    return 0 if all(found[name] <= goal for name, goal in GOALS.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
