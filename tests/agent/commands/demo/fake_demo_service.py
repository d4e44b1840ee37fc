"""A service for the demo's tests: tells a story of a few tenths of a second, without a model.

Started with a length in seconds and a behaviour: `good`; `healthy`, without a fault; `crash`, which fails half-way;
`babble`, which says what is no JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

STEP_S = 0.05
PER_STEP = 5


def main(seconds: float, behaviour: str) -> None:
    """Say everything that a service says, until the time is over or SIGTERM."""
    run = Path(os.environ["DRIFTLINE_RUN"])
    started = time.monotonic()
    before, full = [0, 0], [0, 0]
    onset: dict[str, Any] = {}

    def say(event: str, **more: Any) -> None:
        what = {
            "event": event,
            "time": datetime.now(UTC).isoformat(),
            "seconds": time.monotonic() - started,
            "inferences": before[0] + full[0],
            "failures": 0,
            "dropped_images": 0,
            "before": {"images": before[0], "correct": before[1]},
            "growing": {"images": 0, "correct": 0},
            "full": {"images": full[0], "correct": full[1]},
        }
        print(json.dumps(what | onset | more), flush=True)  # noqa: T201  # this is how a service speaks

    say("ready", probe_p50_ns=1234.5, fault="the lens fouls")
    while time.monotonic() - started < seconds and not signal.sigtimedwait({signal.SIGTERM}, STEP_S):
        half = time.monotonic() - started > seconds / 2
        if half and behaviour == "crash":
            sys.exit("the lens fell off")
        if half and behaviour == "babble":
            print("hello", flush=True)  # noqa: T201  # the same
        if half and behaviour == "good" and not onset:
            onset |= {"onset_index": before[0], "onset_seconds": time.monotonic() - started}
            say("onset")
            (run / "onset").touch()
        phase = full if onset else before
        phase[0] += PER_STEP
        phase[1] += PER_STEP if phase is before else 1
        fresh = run / "count.new"
        fresh.write_text(str(before[0] + full[0]))
        fresh.replace(run / "count")
        say("progress")
    say("end")


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main(float(sys.argv[1]), sys.argv[2])
