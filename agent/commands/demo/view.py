"""How a running demo is shown: as the dashboard on a terminal, as lines of text anywhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.commands.demo import words as demo_words
from agent.commands.demo.place import REFERENCE_ROWS

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from agent.commands.demo.record import Record, Truth
    from agent.commands.demo.run import Plan
    from agent.commands.demo.screen import DemoDashboard
    from agent.model import Finding
    from agent.screen import ScreenSource
    from agent.status import Status

LEARNING_EVERY_S = 2.0
WATCHING_EVERY_S = 5.0


class LineView:
    """Says what happens, a line at a time.

    Parameters
    ----------
    plan
        What is being shown.
    record
        Where the demo keeps what it sees.
    write
        Prints one line, at once.
    """

    draws = False

    def __init__(self, plan: Plan, record: Record, write: Callable[[str], None]) -> None:
        self._record = record
        self._plan = plan
        self._write = write
        self._seconds: float | None = None  # of the service's own clock, when it last said something
        self._next_line = 0.0
        self._learned = False

    def starting(self) -> None:
        """Say what the demo is."""
        for line in demo_words.opening(self._plan):
            self._write(line)

    def heard(self, truth: Truth) -> None:
        """Say when the service starts, and when the fault begins."""
        self._seconds = truth.seconds
        if truth.event == "ready":
            self._say("the camera is running; Driftline learns what is normal for it")
        elif truth.event == "onset":
            self._say(f"{demo_words.MARK} from here on {demo_words.fault(self._record)}. Driftline is not told.")

    def saw(self, status: Status, new: list[Finding]) -> None:
        """Say how far learning is, how the device is, and what was found."""
        if self._seconds is None:
            return
        for finding in new:
            for line in demo_words.noticed(self._record, finding):
                self._say(line)
        stream = next((s for s in status.streams if s.inferences), None)
        if stream is None:
            return
        if not self._learned and stream.state != "learning" and stream.reference_rows:
            self._learned = True
            self._next_line = self._seconds + WATCHING_EVERY_S
            self._say(f"learned from {stream.reference_rows:,} images; from now on each image is compared with them")
        elif self._seconds >= self._next_line:
            every = WATCHING_EVERY_S if self._learned else LEARNING_EVERY_S
            self._next_line = self._seconds + every
            target = stream.reference_target or REFERENCE_ROWS
            learning = f"learning what is normal: {stream.reference_rows:,} of {target:,} images"
            self._say(demo_words.state(status) if self._learned else learning)

    def agent_gone(self, ending: str) -> None:
        """Say that the agent was killed."""
        self._say(f"{demo_words.MARK} the agent {ending}; it is started again on the same state")

    async def open(self, source: ScreenSource, over: asyncio.Event) -> None:  # noqa: ARG002  # others ask it
        """Stay until the demo is over."""
        await over.wait()

    def _say(self, text: str) -> None:
        for line in demo_words.stamped(self._seconds or 0.0, text):
            self._write(line)


class DashboardView(LineView):
    """Opens the dashboard once the service is to start; what there is to say goes into a line below its header."""

    draws = True
    _screen: DemoDashboard | None = None

    async def open(self, source: ScreenSource, over: asyncio.Event) -> None:
        """Stay until the demo is over, or until the person watching closes the dashboard."""
        from agent.commands.demo.screen import DemoDashboard  # noqa: PLC0415  # textual takes a fifth of a second to load

        self._screen = DemoDashboard(source, title_note=demo_words.before(self._plan))
        try:
            await self._screen.run_until(over)
        finally:
            self._screen = None

    def heard(self, truth: Truth) -> None:
        """Say when the fault begins."""
        if truth.event == "onset" and self._screen is not None:
            self._screen.tell(demo_words.during(self._record))

    def saw(self, status: Status, new: list[Finding]) -> None:
        """Say nothing: the dashboard shows it."""

    def agent_gone(self, ending: str) -> None:
        """Say nothing: the dashboard shows that the agent is away, and that it is back."""
