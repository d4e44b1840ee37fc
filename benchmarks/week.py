"""A week of the buffer at 100 inferences a second and defaults: is it within both budgets, with every finding there.

The clock is wound forward: rows, host readings, findings and states are given to the buffer as the pipeline gives them,
a commit every five seconds included, as fast as it takes them. What is written is what the kernel counts for this
process; the state directory has to be on a disk for that, the run directory in memory, as on a device.

    python benchmarks/week.py 1             # a day takes five minutes
    python benchmarks/week.py 7 --tick 60   # and with a block a minute, one
    python benchmarks/week.py 7 --tick 60 --write-mib 40   # a budget that has to be kept by thinning
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
from agent.buffer.capture import CaptureConfig  # noqa: E402
from agent.clock import ManualClock, utc  # noqa: E402
from agent.model import Block, Finding, Reading, Signal, SignalEvidence, Stream  # noqa: E402

if TYPE_CHECKING:
    from agent.buffer import Buffer
    from agent.status import WearStatus

START_NS = 1_795_000_000_000_000_000
RATE = 100
SIGNALS = 20
TICK_S = 5
QUIET_TICK_S = 3_600
FINDINGS = (3, 3, 12, 3, 3, 3, 3)  # of each day of the week, and one at each change of the level
SERIES = 40  # host readings, every five seconds
STATE_BYTES = 20_000  # of the series, every five minutes
CAMERA = Stream(model="camera", version="3", sha256="ab" * 32)


@dataclass(frozen=True, slots=True)
class Plan:
    """How the device lives: `days` with so many inferences a second, then `quiet_days` of which nothing comes."""

    days: float
    tick_s: int = TICK_S
    rate: int = RATE
    quiet_days: float = 0.0
    state_bytes: int = STATE_BYTES


@dataclass(frozen=True, slots=True)
class Week:
    """What became of it. `written` is the most of any 24 hours, `kept` the most that rows took at any time, in bytes.

    summarised: inferences that the stored summaries count. lost: findings that are not there as they were saved.
    levels: of thinning, in their order. said: by the status, once for each level. notes: of the status, at the end.
    """

    rows: int
    summarised: int
    findings: int
    lost: tuple[str, ...]
    written: int
    write_limit: int
    kept: int
    limit: int
    levels: tuple[int, ...]
    said: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float


def live(state: Path, run: Path, plan: Plan, config: BufferConfig) -> Week:
    """Live so."""
    began = time.perf_counter()
    clock = ManualClock(START_NS)
    tick_s = plan.tick_s
    source = _Source(plan)
    levels, said, written, kept = [0], [""], 0, 0
    wear: WearStatus | None = None
    saved: list[Finding] = []
    buffer = open_buffer(state, clock, config, run)
    buffer.know_reference(CAMERA.key, "reference 1", source.described)
    busy = round(plan.days * 86_400 / tick_s)
    due = _finding_times(plan.days)
    for tick in range(busy + round(plan.quiet_days * 86_400 / QUIET_TICK_S)):
        clock.advance(tick_s if tick < busy else QUIET_TICK_S)
        blocks = [source.block(tick, clock.wall_ns())] if tick < busy else []
        buffer.append(blocks, source.readings(clock.wall_ns()))
        buffer.commit(everything=False)
        if due and tick < busy and tick * tick_s >= due[0]:
            due.pop(0)
            saved.append(_finding(len(saved), clock.wall_ns()))
            buffer.save_finding(saved[-1])
        if tick * tick_s % 300 < tick_s:
            buffer.put_state("", "series", source.state())
        status = buffer.status()
        wear = status.wear
        assert wear is not None
        written, kept = max(written, wear.written_bytes or 0), max(kept, _rows_bytes(state))
        if wear.thinning != levels[-1]:
            levels.append(wear.thinning)
            said.append(wear.why)
            saved.append(_finding(len(saved), clock.wall_ns()))
            buffer.save_finding(saved[-1])
    assert wear is not None
    notes = status.notes
    buffer.close()
    again = open_buffer(state, clock, config, run)
    found = {finding.id: finding for finding in again.findings(everything=True)}
    summarised = _summarised(again)
    again.close()
    return Week(
        rows=busy * tick_s * plan.rate, summarised=summarised, findings=len(saved),
        lost=tuple(finding.id for finding in saved if found.get(finding.id) != finding), written=written,
        write_limit=wear.limit_bytes, kept=kept, limit=status.limit_bytes, levels=tuple(levels), said=tuple(said),
        notes=notes, seconds=time.perf_counter() - began,
    )  # fmt: skip


def _rows_bytes(state: Path) -> int:
    return sum(path.stat().st_size for path in (state / "segments").iterdir())


def _summarised(buffer: Buffer) -> int:
    count, number = 0, 0
    while page := buffer.summaries_since(number):
        number = page[-1][0]
        count += sum(summary.latency.count for _, summary in page)
    return count


class _Source:
    """Makes what a device has, cheaply: the same values in another order."""

    def __init__(self, plan: Plan) -> None:
        random = np.random.default_rng(1)
        self._plan = plan
        self._rows = plan.tick_s * plan.rate
        # As an image's statistics are: sums of 28 by 28 pixels.
        self._values = (np.round(random.normal(10, 3, (self._rows * 8, SIGNALS)) * 784) / 784).astype(np.float32)
        self._offsets_ns = np.arange(self._rows, dtype=np.int64) * (10**9 // plan.rate)
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
            stream=CAMERA, signals=self._signals, time_ns=now_ns - self._plan.tick_s * 10**9 + self._offsets_ns,
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
        return self._random.bytes(self._plan.state_bytes)


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
    parser.add_argument("--quiet", type=float, default=0.0, help="days after these of which no inference comes")
    parser.add_argument("--rate", type=int, default=RATE, help="inferences a second")
    parser.add_argument("--state", type=int, default=STATE_BYTES, help="bytes of a state, every five minutes")
    parser.add_argument("--sample", type=int, default=CaptureConfig().sample_every, help="inferences a kept one")
    parser.add_argument("--write-mib", type=float, default=BufferConfig().write_mib_per_day, help="budget of a day")
    parser.add_argument("--limit-mib", type=float, default=BufferConfig().limit_mib, help="what rows may take")
    parser.add_argument("--json", action="store_true", help="print figures for a program")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        shm = Path("/dev/shm")  # noqa: S108  # memory, as a run directory is
        run = stack.enter_context(tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None))
        state = stack.enter_context(tempfile.TemporaryDirectory())
        plan = Plan(chosen.days, chosen.tick, chosen.rate, chosen.quiet, chosen.state)
        recorder = CaptureConfig(sample_every=chosen.sample)
        config = BufferConfig(recorder=recorder, write_mib_per_day=chosen.write_mib, limit_mib=chosen.limit_mib)
        week = live(Path(state) / "state", Path(run), plan, config)
    if chosen.json:
        print(json.dumps(asdict(week)))
        return
    mib = 1 << 20
    print(f"{chosen.days:g} days of {chosen.rate} inferences a second and {SIGNALS} signals, every {chosen.tick} s:")
    print(f"rows          {week.rows:,}, in {week.seconds:.0f} s")
    print(f"summarised    {week.summarised:,}")
    print(f"findings      {week.findings - len(week.lost)} of {week.findings} are there as they were saved")
    print(f"written       at most {week.written / mib:.0f} of {week.write_limit / mib:.0f} MiB in 24 hours")
    print(f"kept          at most {week.kept / mib:.0f} of {week.limit / mib:.0f} MiB")
    print(f"thinning      levels {', '.join(map(str, week.levels))}")
    for line in (*dict.fromkeys(filter(None, week.said)), *week.notes, *week.lost):
        print(f"              {line}")


if __name__ == "__main__":
    main()
