"""The first screen: the device at a glance, and the way to everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical

from tui.findings import FindingCard, Findings
from tui.header import Header
from tui.host import Host
from tui.key_line import KeyLine
from tui.link_panel import Link
from tui.signals_card import SignalsCard
from tui.streams import Streams
from tui.viewing import Viewing

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from agent.model import Finding
    from tui.rows import Rows


class Overview(Viewing):
    """Streams, findings, what to do, the device; a wide terminal shows the selected stream's signals too."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012  # an instance variable in Textual
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012  # the same

    DEFAULT_CSS = """
    Overview { layout: vertical; }
    #middle { height: 1fr; }
    #left { width: 1fr; }
    SignalsCard { width: 1fr; margin-left: 1; }
    Overview.-narrow SignalsCard { display: none; }
    Overview.-short Host { max-height: 4; }
    Overview.-short Link { max-height: 2; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "app.acknowledge", "seen"),
        Binding("s", "app.snooze", show=False),
        Binding("c", "app.close", show=False),
    ]

    def compose(self) -> ComposeResult:
        """Lay the panels out."""
        yield Header()
        yield Streams()
        with Horizontal(id="middle"):
            with Vertical(id="left"):
                yield Findings()
                yield FindingCard()
            yield SignalsCard()
        yield Host()
        yield Link()
        yield KeyLine()

    def on_rows_moved(self, message: Rows.Moved) -> None:
        """Show beside a list what its cursor is on."""
        if isinstance(message.rows, Findings):
            self.query_one(FindingCard).choose(message.key)
        else:
            self.query_one(SignalsCard).choose(message.key)

    def action_panel(self, name: str) -> None:
        """Go to a panel; where the terminal is too narrow for it, to the screen that says the same."""
        panel = self.query_one(name)
        if panel.display:
            self.set_focus(panel)  # at once: the next key may be here already
        else:
            self.action_open_stream()

    def action_open_stream(self) -> None:
        """Open the selected stream."""
        self.query_one(Streams).action_open()

    async def action_open_card(self) -> None:
        """Open the selected finding; where there is none, the events, which the card then tells of."""
        findings = self.query_one(Findings)
        if findings.key is None:
            await self.run_action("app.go('events')")
        else:
            findings.action_open()

    @property
    def chosen_finding(self) -> Finding | None:
        """The finding that is selected."""
        key = self.query_one(Findings).key
        return self.view.finding(key) if self.view and key else None
