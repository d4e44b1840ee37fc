"""How long the agent takes to answer what the dashboard draws, of a buffer of days that `week.py` lives through.

Each question is asked twice, the second time as a screen does that asks again; a first look at a week unpacks all of
its minutes, which a running agent does in advance. Times are the processor's and the wall's, in milliseconds; what a
loaded machine adds is in the latter. The part that holds up the pipeline is told by itself.

    python benchmarks/screen_answers.py          # a week, with a block a minute: some minutes
    python benchmarks/screen_answers.py 1
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path[0] = str(Path(__file__).parents[1])  # this folder has an `agent.py` of its own

from agent.buffer import BufferConfig, open_buffer  # noqa: E402
from agent.buffer.judgeable import around, newest  # noqa: E402
from agent.buffer.past import PastReader  # noqa: E402
from agent.buffer.told import stored_events, stored_finding  # noqa: E402
from agent.clock import ManualClock  # noqa: E402
from agent.model import Signal  # noqa: E402
from agent.present import Present  # noqa: E402
from agent.screen import ZOOMS  # noqa: E402
from agent.stream_views import SPANS, since_ns, stream_view  # noqa: E402
from benchmarks.week import CAMERA, SIGNALS, START_NS, Plan, live  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.buffer import Buffer
    from agent.screen import StreamView, Zoom

DAY_NS = 86_400 * 10**9
BUDGET_MS = 300.0


def ask(buffer: Buffer, now_ns: int) -> list[tuple[str, float, float, float]]:
    """Ask everything; return for each question, first and again, processor, wall and pipeline time."""
    signals = tuple(Signal(f"s{at}", "input") for at in range(SIGNALS))
    here = Present(CAMERA.key, now_ns, CAMERA, signals=signals)
    reader = PastReader(buffer)
    finding = buffer.findings(everything=True)[-1]
    onset, opened = (round(moment.timestamp() * 1e9) for moment in (finding.onset, finding.opened))
    told = []

    def look() -> float:
        began = time.perf_counter()
        buffer.unstored_minutes(here.model)
        return time.perf_counter() - began

    def view(zoom: Zoom) -> StreamView:
        last, waiting = buffer.unstored_minutes(here.model)
        span = SPANS[zoom]
        past = reader.read(here, since_ns(zoom, now_ns), span.tile_ns, last, waiting)
        return stream_view(here, zoom, past)

    questions: list[tuple[str, Callable[[], object]]] = [
        *((f"stream, {zoom}", lambda zoom=zoom: view(zoom)) for zoom in reversed(ZOOMS)),
        ("200 answers", lambda: reader.ask(lambda cursor: newest(cursor, here, 200))),
        ("rows around a finding", lambda: reader.ask(lambda cursor: around(cursor, here, onset, opened))),
        ("1,000 events", lambda: reader.ask(lambda cursor: stored_events(cursor, 0, now_ns + DAY_NS, 1_000))),
        ("one finding", lambda: reader.ask(lambda cursor: stored_finding(cursor, finding.id))),
    ]
    for name, question in questions:
        for when in ("first", "again"):
            held = look()
            began, spent = time.perf_counter(), time.process_time()
            question()
            spent, wall = time.process_time() - spent, time.perf_counter() - began
            told.append((f"{name}, {when}", 1e3 * spent, 1e3 * wall, 1e3 * held))
    return told


def main() -> int:
    """Live, ask and tell; 1 where an answer that is asked again takes longer than it may."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("days", type=float, nargs="?", default=7.0)
    days = parser.parse_args().days
    shm = Path("/dev/shm")  # noqa: S108  # memory, as a run directory is
    with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None) as folder:
        state, run = Path(folder) / "state", Path(folder) / "run"
        run.mkdir()
        week = live(state, run, Plan(days, 60), BufferConfig())
        print(f"{days:g} days, {week.rows:,} inferences, {week.kept / (1 << 20):.0f} MiB of rows at most")
        clock = ManualClock(START_NS)
        clock.advance(days * 86_400)
        buffer = open_buffer(state, clock, BufferConfig())
        told = ask(buffer, clock.wall_ns())
        buffer.close()
    print(f"{'question':<32}{'processor, ms':>15}{'wall, ms':>12}{'pipeline, ms':>14}")
    for name, spent, wall, held in told:
        print(f"{name:<32}{spent:>15.1f}{wall:>12.1f}{held:>14.2f}")
    print(f"resident at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    return int(max(spent for name, spent, _, _ in told if name.endswith("again")) > BUDGET_MS)


if __name__ == "__main__":
    raise SystemExit(main())
