"""A week of the buffer at 100 inferences a second and defaults: is it within both budgets, with every finding there.

The clock is wound forward: rows, host readings, findings and states are given to the buffer as the pipeline gives them,
a commit every five seconds included, as fast as it takes them. What is written is what the kernel counts for this
process; the state directory has to be on a disk for that, the run directory in memory, as on a device.

    python benchmarks/week.py 1             # a day takes five minutes
    python benchmarks/week.py 7 --tick 60   # and with a block a minute, one
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path[0] = str(Path(__file__).parents[1])  # this folder has an `agent.py` of its own

from agent.baselines import SignalBaseline  # noqa: E402
from agent.buffer import BufferConfig, open_buffer  # noqa: E402
from agent.clock import ManualClock, utc  # noqa: E402
from agent.model import Block, Finding, Reading, Signal, SignalEvidence, Stream  # noqa: E402

if TYPE_CHECKING:
    from agent.status import WearStatus

START_NS = 1_795_000_000_000_000_000
RATE = 100
SIGNALS = 20
TICK_S = 5
FINDINGS = (3, 3, 12, 3, 3, 3, 3)  # of each day of the week
SERIES = 40  # host readings, every five seconds
STATE_BYTES = 20_000  # of the series, every five minutes
CAMERA = Stream(model="camera", version="3", sha256="ab" * 32)


@dataclass(frozen=True, slots=True)
class Week:
    """What became of it. `written` is the most of any 24 hours, `kept` the most at any time, in bytes."""

    rows: int
    findings: int
    found: int
    written: int
    write_limit: int
    kept: int
    limit: int
    levels: tuple[int, ...]
    seconds: float


def live(state: Path, run: Path, days: float, tick_s: int = TICK_S) -> Week:
    """Live so long, with a block every `tick_s` seconds of the device."""
    began = time.perf_counter()
    clock = ManualClock(START_NS)
    source = _Source(tick_s)
    levels, written, kept = [0], 0, 0
    wear: WearStatus | None = None
    saved: list[Finding] = []
    buffer = open_buffer(state, clock, BufferConfig(), run)
    buffer.know_reference(CAMERA.key, "reference 1", source.described)
    ticks = round(days * 86_400 / tick_s)
    due = _finding_times(days)
    for tick in range(ticks):
        clock.advance(tick_s)
        buffer.append([source.block(tick, clock.wall_ns())], source.readings(clock.wall_ns()))
        buffer.commit(everything=False)
        if due and tick * tick_s >= due[0]:
            due.pop(0)
            saved.append(_finding(len(saved), clock.wall_ns()))
            buffer.save_finding(saved[-1])
        if tick * tick_s % 300 < tick_s:
            buffer.put_state("", "series", source.state())
        status = buffer.status()
        wear = status.wear
        assert wear is not None
        written, kept = max(written, wear.written_bytes or 0), max(kept, status.bytes)
        if wear.thinning != levels[-1]:
            levels.append(wear.thinning)
    assert wear is not None
    buffer.close()
    again = open_buffer(state, clock, BufferConfig(), run)
    found = {finding.id: finding for finding in again.findings(everything=True)}
    again.close()
    return Week(
        rows=ticks * tick_s * RATE, findings=len(saved),
        found=sum(found.get(finding.id) == finding for finding in saved), written=written,
        write_limit=wear.limit_bytes, kept=kept, limit=status.limit_bytes, levels=tuple(levels),
        seconds=time.perf_counter() - began,
    )  # fmt: skip


class _Source:
    """Makes what a device has, cheaply: the same values in another order."""

    def __init__(self, tick_s: int) -> None:
        random = np.random.default_rng(1)
        self._rows = tick_s * RATE
        self._tick_s = tick_s
        # As an image's statistics are: sums of 28 by 28 pixels.
        self._values = (np.round(random.normal(10, 3, (self._rows * 8, SIGNALS)) * 784) / 784).astype(np.float32)
        self._offsets_ns = np.arange(self._rows, dtype=np.int64) * (10**9 // RATE)
        self._latency_s = random.gamma(20, 0.001, self._rows)
        self._random = random
        self._signals = tuple(Signal(f"s{at}", "input") for at in range(SIGNALS))
        quantiles = tuple((level / 20, float(np.quantile(self._values[:, 0], level / 20))) for level in range(21))
        self.described = [
            SignalBaseline(signal=signal, block_rows=1, missing=0.0, quantiles=quantiles) for signal in self._signals
        ]

    def block(self, tick: int, now_ns: int) -> Block:
        first = int(self._random.integers(7 * self._rows))
        return Block(
            stream=CAMERA, signals=self._signals, time_ns=now_ns - self._tick_s * 10**9 + self._offsets_ns,
            latency_s=self._latency_s, status=np.zeros(self._rows, np.uint8),
            values=self._values[first : first + self._rows], source="camera.ring", last_seq=(tick + 1) * self._rows,
        )  # fmt: skip

    def readings(self, now_ns: int) -> list[Reading]:
        values = np.round(self._random.normal(50, 2, SERIES), 2).tolist()
        return [
            Reading("hw.temperature", "Cel", value, now_ns, (("sensor", f"sensor {at}"),))
            for at, value in enumerate(values)
        ]

    def state(self) -> bytes:
        return self._random.bytes(STATE_BYTES)


def _finding_times(days: float) -> list[float]:
    """Seconds at which findings open: at even distances of each day, half a distance in."""
    times = []
    for day in range(int(np.ceil(days))):
        count = FINDINGS[day % len(FINDINGS)]
        times += [(day + (number + 0.5) / count) * 86_400 for number in range(count)]
    return [moment for moment in times if moment < days * 86_400] or [days * 43_200]


def _finding(number: int, now_ns: int) -> Finding:
    moment = utc(now_ns)
    evidence = SignalEvidence(name="s0", role="input", detector="shift", value=120.5, threshold=1e4, psi=0.31, ks=0.2)
    return Finding(
        id=f"finding-{number}", stream=CAMERA, kind="shift", severity="warning", state="open",
        sentence="The images are darker than they were.", advice="Clean the lens.", onset=moment - timedelta(minutes=2),
        opened=moment, updated=moment, row=120, onset_row=100, signals=(evidence,), causes=(), closed=None, note="",
    )  # fmt: skip


def main() -> None:
    """Live and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("days", type=float, nargs="?", default=7.0)
    parser.add_argument("--tick", type=int, default=TICK_S, help="seconds of the device between two blocks")
    parser.add_argument("--json", action="store_true", help="print figures for a program")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        shm = Path("/dev/shm")  # noqa: S108  # memory, as a run directory is
        run = stack.enter_context(tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None))
        state = stack.enter_context(tempfile.TemporaryDirectory())
        week = live(Path(state) / "state", Path(run), chosen.days, chosen.tick)
    if chosen.json:
        print(json.dumps(asdict(week)))
        return
    mib = 1 << 20
    print(f"{chosen.days:g} days of {RATE} inferences a second and {SIGNALS} signals, a block every {chosen.tick} s:")
    print(f"rows          {week.rows:,}, in {week.seconds:.0f} s")
    print(f"findings      {week.found} of {week.findings} are there")
    print(f"written       at most {week.written / mib:.0f} of {week.write_limit / mib:.0f} MiB in 24 hours")
    print(f"kept          at most {week.kept / mib:.0f} of {week.limit / mib:.0f} MiB")
    print(f"thinning      levels {', '.join(map(str, week.levels))}")


if __name__ == "__main__":
    main()
