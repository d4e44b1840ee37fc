"""A source that tells a whole story, an answer a step: learning, calm, a fouled lens, the agent away, a slow device.

Run it to look at the dashboard: `python -m tests.tui.story [case] [seconds]`; without a case, or with "story", the
story; else one of the cases, standing still, or "away".
"""

from __future__ import annotations

import random
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from agent.ports import AgentAwayError
from tests.tui.fake_cases import CASES, calm, fouled, learning, slow
from tests.tui.fake_link import linked
from tests.tui.fake_source import FakeSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.status import Status

_AWAY = "no agent answers at /run/driftline/agent.sock"


def story() -> Iterator[Status | str]:
    """Give one answer after another: a status, or why there is none."""
    for step in range(0, 1000, 125):
        base = learning()
        yield replace(base, streams=tuple(replace(s, reference_rows=step, inferences=step) for s in base.streams))
    for scene, steps in ((calm(), 8), (fouled(), 15), (_AWAY, 5), (slow(), 15)):
        for _ in range(steps):
            yield scene


class StorySource(FakeSource):
    """Tells the story, one answer a call, and stays at its end; figures move a little each time."""

    def __init__(self) -> None:
        super().__init__(calm())
        self._story = story()

    def status(self) -> Status:
        """Give the next answer."""
        self.answer = next(self._story, self.answer)
        self.asked += 1
        if isinstance(self.answer, str):
            raise AgentAwayError(self.answer)
        return moved(self.answer, self.asked)


def moved(status: Status, step: int) -> Status:
    """Give the status some seconds later, with figures that moved a little, as a live device's do."""
    chance = random.Random(step)
    streams = []
    for stream in status.streams:
        factor = chance.uniform(0.95, 1.08)
        trend = (*stream.latency_trend[1:], (stream.latency_p50_s or 0.0) * factor)
        streams.append(
            replace(
                stream,
                rate=stream.rate * chance.uniform(0.98, 1.02),
                inferences=stream.inferences + 100 * step,
                latency_p50_s=(stream.latency_p50_s or 0.0) * factor,
                latency_trend=trend,
                signals=tuple(replace(s, evidence=s.evidence * chance.uniform(0.9, 1.0)) for s in stream.signals),
            )
        )
    return replace(status, time=status.time + timedelta(seconds=step), streams=tuple(streams))


def main() -> None:
    """Open the dashboard on the story, or on one of the cases."""
    from tui.app import Dashboard  # noqa: PLC0415  # the story alone needs no Textual

    case = sys.argv[1] if len(sys.argv) > 1 else "story"
    if case == "story":
        source: FakeSource = StorySource()
    else:
        source = FakeSource(_AWAY if case == "away" else (CASES | {"linked": linked})[case]())
    Dashboard(source, exit_after_seconds=float(sys.argv[2]) if len(sys.argv) > 2 else None).run()


if __name__ == "__main__":
    main()
