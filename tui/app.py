"""The technician's dashboard, `driftline top`: it asks the agent, shows what it says, and takes acknowledgements.

Nothing here reads a file or a socket of its own: a `ScreenSource` is handed in, and asked in a thread. No numpy.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from agent.clock import SystemClock
from tui import palette
from tui.feed import Answered, Feed
from tui.navigating import Navigating
from tui.spans import clean
from tui.trends import Trends
from tui.view import View
from tui.viewing import Viewing

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.clock import Clock
    from agent.model import Finding
    from agent.screen import ScreenSource
    from agent.status import Status
    from tui.deciding import Deciding
    from tui.telling import Told

_NS = 1e9
_PATIENCE_S = 0.3  # for the first answer, before a screen without one is drawn: on a slow line each costs a second
_UNTIL_CLOSED = {"acknowledge", "snooze"}  # a verdict can be given anew
SLOW_S = 5.0  # from an answer to the next question where the line is slow


class Dashboard(Navigating):
    """The terminal dashboard.

    Parameters
    ----------
    source
        The agent, or what stands for it; called from threads.
    interval_seconds
        Time from an answer to the next question.
    exit_after_seconds
        When to close by itself; None is never.
    title_note
        A line below the header, such as what a demonstration is about to do.
    clock
        Tells how old the news is.
    slow
        Whether the line to the terminal is slow: asks less often, and takes the sixteen colours, which are short to
        send.

    """

    TITLE = "driftline"
    ENABLE_COMMAND_PALETTE = False
    # Not the default of Screen alone: it would hold for the questions over it, too, and hide what they are about.
    CSS = """
    Screen { background: $background; color: $foreground; }
    ModalScreen { background: $background 60%; }
    ModalScreen:ansi { background: transparent; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "quit"),
        Binding("p", "pause", "pause"),
        Binding("t", "theme", show=False),
        Binding("ctrl+q", "quit", show=False, priority=True),
    ]

    def __init__(
        self,
        source: ScreenSource,
        interval_seconds: float = 1.0,
        exit_after_seconds: float | None = None,
        title_note: str = "",
        *,
        clock: Clock | None = None,
        slow: bool = False,
    ) -> None:
        # Without colours the terminal's own are used, which Textual then leaves out; its other themes would give greys.
        plain = "NO_COLOR" in os.environ
        super().__init__(ansi_color=True if plain else None)
        for theme in palette.THEMES:
            self.register_theme(theme)
        few = plain or self.console.color_system in {None, "standard"}
        self.theme = palette.SIXTEEN if few or slow else palette.DARK
        self._source = source
        self._clock = clock or SystemClock()
        self._feed = Feed(source, max(interval_seconds, SLOW_S) if slow else interval_seconds, self.post_message)
        self._exit_after = exit_after_seconds
        self._undrawn = ExitStack()  # until there is something to show
        self._answered_ns = self._clock.monotonic_ns()
        self.view = View(None, Trends(), note=clean(title_note), console=os.environ.get("TERM") == "linux")

    def on_load(self) -> None:
        """Begin to ask, before there is anything to draw; what Textual draws meanwhile would be drawn over at once."""
        self._undrawn.enter_context(self.batch_update())
        self._feed.start()

    def on_mount(self) -> None:
        """Say that the agent is waited for where its answer does not come at once."""
        self.set_timer(_PATIENCE_S, self._show_view)
        if self._exit_after is not None:
            self.set_timer(self._exit_after, self.exit)

    def on_unmount(self) -> None:
        """Ask no more."""
        self._feed.close()

    def on_answered(self, answer: Answered) -> None:
        """Show what the agent said, or that it is away; while paused only its age changes."""
        if self.view.paused:
            self._show(self.view.status)
        elif answer.status is not None:
            self._answered_ns = self._clock.monotonic_ns()
            self.view.trends.add(answer.status.host)
            self._show(answer.status)
        else:
            self._show(self.view.status, answer.away)

    def _show(self, status: Status | None, away: str = "") -> None:
        age_s = (self._clock.monotonic_ns() - self._answered_ns) / _NS
        self.view = self.view._replace(status=status, away=away, age_s=age_s)
        self._show_view()

    def _show_view(self) -> None:
        # An answer, or the end of the patience, can come before the first screen is there and after the last has gone.
        # A question may be over the screen, which is seen behind it.
        top = self.screen_stack[-1] if self.screen_stack else None
        screen = next((one for one in reversed(self.screen_stack) if isinstance(one, Viewing)), None)
        if screen is not None:
            screen.show(self.view)
        if top is not None:
            top.call_after_refresh(self._undrawn.close)

    def on_viewing_resumed(self, message: Viewing.Resumed) -> None:
        """Bring a screen that comes to the top up to date."""
        if self.view.status is not None or self.view.away:
            message.viewing.show(self.view)
            message.viewing.call_after_refresh(self._undrawn.close)

    def action_pause(self) -> None:
        """Hold the screen still, or go on."""
        self.view = self.view._replace(paused=not self.view.paused)
        self._show_view()
        if not self.view.paused:
            self._feed.ask_now()

    def action_theme(self) -> None:
        """Take the next theme."""
        names = [theme.name for theme in palette.THEMES]
        self.theme = names[(names.index(self.theme) + 1) % len(names)]

    @cached_property
    def _deciding(self) -> Deciding:
        """What asks for notes and verdicts; loading it is no part of the start."""
        from tui.deciding import Deciding  # noqa: PLC0415

        return Deciding(self, self._source)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer nothing about a closed finding that only an open one needs."""
        if action in _UNTIL_CLOSED and self.screen_stack and isinstance(self.screen, Viewing):
            finding = self.screen.chosen_finding
            return finding is None or finding.state != "closed"
        return super().check_action(action, parameters)

    def _decide(self, about: Callable[[Finding], None]) -> None:
        """Do something about the finding that is selected."""
        finding = self.screen.chosen_finding if isinstance(self.screen, Viewing) else None
        if finding is None:
            self.notify("there is no open finding here", markup=False)
        else:
            about(finding)

    def action_acknowledge(self) -> None:
        """Ask for a note, then mark the selected finding as seen."""
        self._decide(self._deciding.acknowledge)

    def action_snooze(self) -> None:
        """Let the selected finding not count for a while."""
        self._decide(self._deciding.snooze)

    def action_close(self) -> None:
        """Close the selected finding, as real or as a false alarm."""
        self._decide(self._deciding.close)

    def on_told(self, message: Told) -> None:
        """Say what came of a decision, and show what it changed."""
        self.notify(clean(message.text), severity="information" if message.taken else "warning", markup=False)
        self._feed.ask_now()
