"""One stream on a screen of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.detail import Detail
from tui.lined import Page
from tui.spans import heading
from tui.stream_lines import page_lines
from tui.streams import stream_row_key
from tui.words import block, worst_by_stream

if TYPE_CHECKING:
    from agent.status import StreamStatus
    from tui.spans import Line


class StreamPage(Page):
    """All that is known of a stream; when it is gone, its last state stays."""

    def __init__(self, row_key: str) -> None:
        super().__init__()
        self._row_key = row_key
        self._last: StreamStatus | None = None

    def _stream(self) -> StreamStatus | None:
        streams = self.view.status.streams if self.view and self.view.status else ()
        found = next((s for s in streams if stream_row_key(s) == self._row_key), None)
        self._last = found or self._last
        return found

    def head(self, width: int, note: str) -> Line:
        """Return the state word and the model's name."""
        stream = self._stream()
        state = stream.state if stream else "stopped"
        name = (self._last.stream.model if self._last else self._row_key) + ("" if stream else " (gone)")
        return (
            (f" {state.upper()} ", block(state)),
            *heading(name, width - len(state) - 2, note, marked=self.has_focus),
        )

    def body(self, width: int) -> list[Line]:
        """Return everything about the stream."""
        self._stream()
        if self._last is None or self.view is None or self.view.status is None:
            return []
        worst = worst_by_stream(self.view.status.findings).get(self._last.key)
        return page_lines(self._last, worst, self.view.status.time, width)


class StreamScreen(Detail):
    """Signals, latency, classes and identity of one stream."""

    def __init__(self, row_key: str) -> None:
        super().__init__()
        self._row_key = row_key

    def page(self) -> Page:
        """Make the page."""
        return StreamPage(self._row_key)
