"""One stream on a screen of its own: a large terminal shows all its parts, a small one one after another."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical

from agent.screen import ZOOMS, StreamView
from tui.asking import AskingScreen
from tui.finding_screen import FindingScreen
from tui.header import Header
from tui.key_line import KeyLine
from tui.label_screen import LabelScreen
from tui.stream_detail import SPAN_S, StreamDetail, StreamPanel, first_zoom
from tui.stream_parts import About, Brief, Classes
from tui.stream_signals import SignalList, SignalShape
from tui.stream_time import TimePanel
from tui.stream_versions import Compared, VersionList
from tui.streams import stream_row_key
from tui.words import alarmed, worst_by_stream

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.widget import Widget

    from agent.screen import ScreenSource, Zoom
    from agent.status import StreamStatus
    from tui.asking import Question
    from tui.lined import Lined
    from tui.rows import Rows

_ALL_FROM = 110, 36  # cells and lines from which all parts are shown at once
_PARTS: tuple[tuple[type[Lined], str, bool], ...] = (
    # the parts, in which turn a small terminal shows each, and whether a large one does
    (SignalList, "signals", True),
    (SignalShape, "signals", True),
    (TimePanel, "time", True),
    (Classes, "classes", True),
    (VersionList, "versions", True),
    (Compared, "versions", True),
    (About, "about", False),
)
_KEYS = ("SignalList", "SignalShape", "TimePanel", "Classes", "VersionList", "About")


class StreamScreen(AskingScreen):
    """Signals against their reference, the run over time, classes, versions and identity of one stream."""

    DEFAULT_CSS = """
    StreamScreen #parts { height: 1fr; }
    StreamScreen #parts > Vertical { width: 1fr; }
    StreamScreen SignalList { max-height: 50%; }
    StreamScreen.-all #right { margin-left: 1; }
    StreamScreen.-all VersionList { max-height: 6; }
    StreamScreen.-all SignalShape { max-height: 13; }
    StreamScreen.-all Classes { height: 1fr; }
    StreamScreen.-all TimePanel { height: 2fr; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "app.pop_screen", "back", key_display="esc"),
        Binding("z", "zoom(1)", "zoom"),
        Binding("plus,equals_sign", "zoom(-1)", show=False),
        Binding("minus", "zoom(1)", show=False),
        Binding("f", "finding", "finding"),
        Binding("l", "label", "label"),
        *(Binding(str(n), f"part('{name}')", show=False) for n, name in enumerate(_KEYS, 1)),
    ]

    def __init__(self, source: ScreenSource, row_key: str) -> None:
        super().__init__()
        self._source = source
        self._row_key = row_key
        self._stream: StreamStatus | None = None
        self._zoom: Zoom | None = None
        self._turn = "signals"

    def compose(self) -> ComposeResult:
        """Lay the parts out."""
        yield Header()
        yield Brief()
        with Horizontal(id="parts"):
            with Vertical(id="left"):
                yield SignalList()
                yield SignalShape()
                yield Classes()
                yield About()
            with Vertical(id="right"):
                yield TimePanel()
                yield VersionList()
                yield Compared()
        yield KeyLine()

    def on_resize(self, _event: events.Resize) -> None:
        """Show as many parts as there is room for."""
        self._take_turns()

    def _take_turns(self) -> None:
        everything = self.size.width >= _ALL_FROM[0] and self.size.height >= _ALL_FROM[1]
        self.set_class(everything, "-all")
        for part, turn, among_all in _PARTS:
            self.query_one(part).display = among_all if everything else turn == self._turn
        for side in ("left", "right"):
            column = self.query_one(f"#{side}")
            column.display = any(part.display for part in column.children)
        brief = self.query_one(Brief)
        brief.tab = None if everything else self._turn
        if self.view is not None:
            brief.show(self.view)

    def question(self) -> Question:
        """Ask for the span that is shown."""
        assert self._stream is not None
        assert self._zoom is not None
        return partial(self._source.stream_view, self._stream.key, self._zoom)

    def every_s(self) -> float:
        """Return after how many seconds an answer is old: a column's time, within what keeps the parts fresh."""
        return min(60.0, max(5.0, SPAN_S[self._zoom] / 120)) if self._zoom else 5.0

    def renew(self) -> None:
        """Hand the parts what is known."""
        detail = self._detail()
        if detail is not None:
            for part in self.query("*"):
                if isinstance(part, StreamPanel | SignalList | VersionList | Brief):
                    part.detail = detail

    def _detail(self) -> StreamDetail | None:
        status = self.view.status if self.view else None
        if status is None:
            return None
        key, _, _ = self._row_key.partition("\n")
        found = next((s for s in status.streams if stream_row_key(s) == self._row_key), None)
        # A service that starts anew is the same stream in another process.
        found = found or next((s for s in status.streams if s.key == key and s.state != "stopped"), None)
        self._stream = found or self._stream
        if self._stream is None:
            return None
        finding = worst_by_stream(status.findings).get(key)
        self._zoom = self._zoom or first_zoom(finding, status.time)
        answer = self.answer if isinstance(self.answer, StreamView) else None
        waiting = "asking…" if self.asking and (answer is None or answer.zoom != self._zoom) else ""
        return StreamDetail(
            self._stream, status.time, self._zoom, gone=found is None, finding=finding,
            found=alarmed(status.findings, key), answer=answer,
            note=self.note or waiting,
        )  # fmt: skip

    def on_rows_moved(self, message: Rows.Moved) -> None:
        """Show beside a list what its cursor is on."""
        if isinstance(message.rows, SignalList):
            self.query_one(SignalShape).choose(message.key)
        else:
            self.query_one(Compared).choose(message.key)

    def on_rows_opened(self, message: Rows.Opened) -> None:
        """Go to what is shown of the row."""
        message.stop()
        beside: Widget = self.query_one(SignalShape if isinstance(message.rows, SignalList) else Compared)
        beside.focus()

    def on_brief_chosen(self, message: Brief.Chosen) -> None:
        """Go to the part whose name was clicked."""
        self.action_part(_KEYS[int(message.key) - 1])

    def action_part(self, name: str) -> None:
        """Go to a part; a small terminal gives it its turn."""
        part = self.query_one(name)
        self._turn = next(turn for kind, turn, _ in _PARTS if isinstance(part, kind))
        self._take_turns()
        if part.display:
            part.focus()

    def action_zoom(self, steps: int) -> None:
        """Show a longer or shorter span; after the longest comes the shortest."""
        if self._zoom is not None and self.view is not None:
            self._zoom = ZOOMS[(ZOOMS.index(self._zoom) + steps) % len(ZOOMS)]
            self.ask()
            self.show_parts(self.view)

    def action_finding(self) -> None:
        """Open the worst finding of this stream."""
        detail = self._detail()
        if detail is None or detail.finding is None:
            self.app.notify("no finding of this model is open", markup=False)
        else:
            self.app.push_screen(FindingScreen(self._source, detail.finding))

    def action_label(self) -> None:
        """Judge its answers by hand."""
        if self._stream is not None:
            self.app.push_screen(LabelScreen(self._source, self._stream.key, self._stream.stream.model))
