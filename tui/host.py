"""The device itself: processor, memory, temperature, disk, and the watched services."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tui.graphs import gauge
from tui.lined import Page
from tui.machine import WATCHED, host_facts, process_facts, series_facts, storage_facts
from tui.spans import cell_width, clip, heading, width_of

if TYPE_CHECKING:
    from agent.status import Status
    from tui.machine import Fact
    from tui.spans import Line, Span


class Host(Page):
    """Gauges in a row, then a line a watched process, then what fails in the agent itself."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "app.go('device')", "all of it", key_display="enter")]

    DEFAULT_CSS = "Host { max-height: 6; min-height: 2; }"

    def head(self, width: int, note: str) -> Line:
        """Return the rule."""
        return heading("4 device", width, note, marked=self.has_focus)

    def wanted_height(self, width: int) -> int:
        """Return the height with all lines in sight."""
        return 1 + len(self.body(width))

    def body(self, width: int) -> list[Line]:
        """Return the readings."""
        status = self.view.status if self.view else None
        return host_lines(status, width) if status else []


def host_lines(status: Status, width: int) -> list[Line]:
    """Give the device's readings and its own troubles."""
    written = [fact for fact in storage_facts(status) if fact.label == "written"]
    facts = sorted([*host_facts(status.host), *written], key=lambda fact: not fact.bad)
    lines = _gauges(facts, width) or [((" no readings yet", "quiet"),)]
    for fact in process_facts(status):
        lines.append(clip(((f" {fact.label}", "strong"), (f": {fact.text}", "plain")), width))
    for fact in series_facts(status.series, WATCHED):
        lines.append(clip(((f" {fact.label}", "strong"), (f": {fact.text}", "warning")), width))
    for part in status.agent.parts:
        if not part.ok:
            lines.append(clip(((" FAILING ", "warning-block"), (f" {part.name}: {part.note}", "warning")), width))
    if status.buffer.mode == "memory":
        lines.append(
            clip(((" NOT KEPT ", "warning-block"), (" the state directory cannot be written", "warning")), width)
        )
    thinned = (status.buffer.wear.why,) if status.buffer.wear is not None and status.buffer.wear.why else ()
    lines += [clip(((f" buffer: {note}", "warning"),), width) for note in (*status.buffer.notes, *thinned)]
    return lines


def _gauges(facts: list[Fact], width: int) -> list[Line]:
    lines: list[list[Span]] = []
    for fact in facts:
        spans: list[Span] = [(f" {fact.label} ", "quiet")]
        if fact.share is not None:
            spans.append((gauge(fact.share, 6) + " ", "accent"))
        spans.append((f"{fact.text} ", "warning" if fact.bad else "plain"))
        needed = sum(cell_width(text) for text, _ in spans)
        if lines and width_of(tuple(lines[-1])) + needed <= width:
            lines[-1] += [(" ", "plain"), *spans]
        else:
            lines.append(spans)
    return [clip(tuple(line), width) for line in lines]
