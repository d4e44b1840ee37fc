"""A stream's signals, those furthest from their reference first, and how the selected one lies: before and now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui import format as fmt
from tui.graphs import sparkline
from tui.histogram import axis, drawn_cells, legend, merged, overlay, share_rows
from tui.rows import Rows
from tui.spans import heading, wrap
from tui.stream_detail import StreamPanel, missing
from tui.stream_lines import signal_columns, signal_line
from tui.words import effect_size

if TYPE_CHECKING:
    from agent.screen import Shape
    from agent.status import SignalStatus
    from tui.spans import Line
    from tui.stream_detail import StreamDetail
    from tui.view import View

_LOOKS_FROM = 88  # cells from which a row has room for its two shapes
_LOOK_CELLS = 12
_FEWEST_LINES = 3  # of a histogram


class SignalList(Rows):
    """One line a signal: its evidence on the way to an alarm, its mean before and now, and how far it moved."""

    DEFAULT_CSS = "SignalList { min-height: 4; }"

    detail: StreamDetail | None = None
    _signals: tuple[SignalStatus, ...] = ()

    def keys_of(self, view: View) -> list[str]:  # noqa: ARG002  # the stream is of the detail
        """Return the signals' names, the largest effect first."""
        signals = self.detail.stream.signals if self.detail else ()
        self._signals = tuple(sorted(signals, key=effect_size, reverse=True))
        return [one.signal.name for one in self._signals]

    def _shape(self, name: str) -> Shape | None:
        answer = self.detail.answer if self.detail else None
        return next((shape for shape in answer.shapes if shape.name == name), None) if answer else None

    def head(self, width: int, note: str) -> list[Line]:
        """Return the rule and the column titles."""
        looks = f"  {'was':{_LOOK_CELLS}} {'now':{_LOOK_CELLS}}" if width > _LOOKS_FROM else ""
        anew = bool(self.detail and self.detail.found)
        titles: Line = (
            (" ", "plain"), (signal_columns(self._room(width), anew=anew), "quiet"), (looks, "quiet"),
        )  # fmt: skip
        rule = heading("1 signals, furthest from their reference first", width, note, marked=self.has_focus)
        return [rule, titles] if self._signals else [rule]

    @staticmethod
    def _room(width: int) -> int:
        return width - 1 - (2 * _LOOK_CELLS + 3 if width > _LOOKS_FROM else 0)

    def row(self, index: int, width: int) -> Line:
        """Return one signal's line."""
        status = self._signals[index]
        found = self.detail is not None and status.signal.name in self.detail.found
        line = signal_line(status, self._room(width + 1), found=found)
        shape = self._shape(status.signal.name) if width >= _LOOKS_FROM else None
        if shape is None:
            return line
        was, now = (_look(part) for part in (shape.before, shape.now))
        return (*line, ("  ", "plain"), (was, "quiet"), (" ", "plain"), (now, "accent"))

    def nothing(self, width: int) -> list[Line]:
        """Say why there are none."""
        return [
            ((line, "quiet"),) for line in wrap("none yet: they are judged once the reference is learned", width, " ")
        ]


class SignalShape(StreamPanel):
    """The selected signal's reference against now."""

    DEFAULT_CSS = "SignalShape { height: 1fr; min-height: 5; }"

    name: str | None = None

    def choose(self, name: str | None) -> None:
        """Show another signal."""
        self.name, self.top = name, 0
        self.redraw()

    def title(self, detail: StreamDetail) -> str:  # noqa: ARG002  # the signal is named by the list
        """Name the signal."""
        return f"2 {self.name}: reference against now" if self.name else "2 reference against now"

    def lines(self, detail: StreamDetail, width: int) -> list[Line]:
        """Draw it as high as there is room."""
        if detail.answer is None:
            return missing(detail)
        shape = next((one for one in detail.answer.shapes if one.name == self.name), None)
        if shape is None:
            return [((" it has not been seen often enough to draw", "quiet"),)]
        return shape_lines(shape, width, max(_FEWEST_LINES, self.size.height - 3))


def shape_lines(shape: Shape, width: int, height: int) -> list[Line]:
    """Draw a signal's reference and what it is now over one another, with their axis, in `height` lines and two."""
    key = (*legend(), (f"   of the last {fmt.plural(shape.rows, 'row')}", "quiet"))
    if len(shape.edges) == len(shape.now):  # categories
        names = shape.names or tuple(fmt.value(code) for code in shape.edges)
        rows = sorted(zip(names, shape.before, shape.now, strict=True), key=lambda row: -max(row[1:]))
        return [key, *share_rows(rows, width, height)]
    room = width - 2
    drawn = overlay(shape.before, shape.now, room, height)
    if not drawn:
        return [((" no row has a value in the cells of the reference", "quiet"),)]
    cells = drawn_cells(len(shape.now), room)
    lines: list[Line] = [((" ", "plain"), *line) for line in drawn]
    outside = 1 - sum(shape.now)
    said = f"   {fmt.percent(outside)} lie outside" if outside >= 0.005 else ""  # noqa: PLR2004  # what rounds to 1 %
    return [*lines, ((" ", "plain"), *axis(shape.edges, shape.unit, cells)), (*key, (said, "warning"))]


def _look(shares: tuple[float, ...]) -> str:
    return sparkline([share or None for share in merged(shares, _LOOK_CELLS)], _LOOK_CELLS).ljust(_LOOK_CELLS)
