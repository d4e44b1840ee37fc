"""The selected stream's signals, beside the findings where the terminal is wide enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tui.lined import Page
from tui.spans import heading
from tui.stream_lines import accuracy_lines, classes_lines, latency_lines, signals_lines
from tui.streams import stream_row_key
from tui.words import alarmed, worst_by_stream

if TYPE_CHECKING:
    from agent.status import StreamStatus
    from tui.spans import Line


class SignalsCard(Page):
    """Signals with their gauges, the latency, the classes."""

    DEFAULT_CSS = "SignalsCard { height: 1fr; }"

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "screen.open_stream", "open", key_display="enter")]

    row_key: str | None = None

    def choose(self, row_key: str | None) -> None:
        """Show another stream."""
        self.row_key, self.top = row_key, 0
        self.redraw()

    def _stream(self) -> StreamStatus | None:
        streams = self.view.status.streams if self.view and self.view.status else ()
        return next((s for s in streams if stream_row_key(s) == self.row_key), None)

    def head(self, width: int, note: str) -> Line:
        """Return the rule."""
        stream = self._stream()
        title = f"5 signals of {stream.stream.model}" if stream else "5 signals"
        return heading(title, width, note, marked=self.has_focus)

    def body(self, width: int) -> list[Line]:
        """Return the signals."""
        stream = self._stream()
        if stream is None:
            return []
        assert self.view is not None
        assert self.view.status is not None  # it has the stream
        finding = worst_by_stream(self.view.status.findings).get(stream.key)
        return [
            *accuracy_lines(stream, finding, self.view.status.time, width),
            *signals_lines(stream, alarmed(self.view.status.findings, stream.key), width),
            *latency_lines(stream, width),
            *classes_lines(stream, width),
        ]
