"""The lesser parts of a stream's screen: what matters at its top, the mix of classes, and all other facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from tui import format as fmt
from tui.finding_lines import labelled
from tui.histogram import legend, share_rows
from tui.lined import Lined
from tui.machine import series_facts
from tui.spans import ELLIPSIS, heading
from tui.stream_detail import IN_WORDS, StreamPanel
from tui.stream_lines import accuracy_lines, facts_lines, identity_lines
from tui.words import block, tone

if TYPE_CHECKING:
    from textual import events

    from tui.spans import Line, Span, Tone
    from tui.stream_detail import StreamDetail
    from tui.view import View

_SENTENCE_LINES = 2
_CLASSES = "prediction"  # the signal whose shape is the mix of classes
TABS = (("signals", "1"), ("time", "3"), ("classes", "4"), ("versions", "5"), ("about", "6"))


class Brief(Lined):
    """Who it is, how it runs, how often it is right, what was found; where parts take turns, which there are."""

    class Chosen(Message):
        """The name of a part was clicked."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    detail: StreamDetail | None = None
    tab: str | None = None

    def show(self, view: View) -> None:
        """Take news in; what is known of the stream may want more lines, or fewer."""
        super().show(view)
        if self.size.width and self.wanted_height(self.size.width) != self.size.height:
            self.refresh(layout=True)

    def draw(self, width: int, height: int) -> list[Line]:  # noqa: ARG002  # it never scrolls
        """Return the lines."""
        detail = self.detail
        if detail is None:
            return [()]
        stream = detail.stream
        state = "stopped" if detail.gone else stream.state
        name = f"{stream.stream.model} {stream.stream.version}".strip() + (" (gone)" if detail.gone else "")
        word = f" {state.upper()} "
        lines: list[Line] = [
            ((word, block(state)), *heading(name, width - len(word), f"the last {IN_WORDS[detail.zoom]}"))
        ]
        if self.tab is None:
            lines += facts_lines(stream, detail.finding, detail.now, width)
        else:
            lines += _few_facts(detail, width)
        if detail.finding is not None:
            said = f"{detail.finding.severity.upper()}: {detail.finding.sentence}"
            lines += _at_most(_SENTENCE_LINES, labelled("finding", said, width, tone(detail.finding.severity)))
        return lines if self.tab is None else [*lines, _tabs(self.tab)]

    def on_click(self, event: events.Click) -> None:
        """Go to the part whose name was clicked."""
        if self.tab is None or event.y != len(self.shown) - 1:
            return
        end = 1
        for name, key in TABS:
            end += len(f" {key} {name}  ")
            if event.x < end:
                self.post_message(self.Chosen(key))
                return


def _few_facts(detail: StreamDetail, width: int) -> list[Line]:
    stream = detail.stream
    sure = f", {fmt.percent(stream.confidence)} sure" if stream.confidence is not None else ""
    p50, p99 = fmt.latency(stream.latency_p50_s), fmt.latency(stream.latency_p99_s)
    lines = labelled("runs", f"{fmt.rate(stream.rate)}, median {p50}, p99 {p99}{sure}", width)
    if stream.state == "learning":
        learned = f"learning: {fmt.count(stream.reference_rows)} of {fmt.count(stream.reference_target)} inferences"
        lines += labelled("reference", learned, width, "learning")
    return [*lines, *_at_most(1, accuracy_lines(stream, detail.finding, detail.now, width))]


def _at_most(most: int, lines: list[Line]) -> list[Line]:
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], (*lines[most - 1], (ELLIPSIS, "quiet"))]


def _tabs(shown: str) -> Line:
    spans: list[Span] = [(" ", "plain")]
    for name, key in TABS:
        spans += [(f" {key} ", "accent"), (f"{name} ", "strong" if name == shown else "quiet")]
        spans += [("◂" if name == shown else " ", "accent")]
    return tuple(spans)


class Classes(StreamPanel):
    """How often each class is predicted, over what the reference had."""

    DEFAULT_CSS = "Classes { height: auto; min-height: 4; }"

    def title(self, detail: StreamDetail) -> str:  # noqa: ARG002  # it is the same of every stream
        """Name the part."""
        return "4 predicted classes"

    def lines(self, detail: StreamDetail, width: int) -> list[Line]:
        """Draw the mix of the newest rows."""
        shape = next((s for s in detail.answer.shapes if s.name == _CLASSES), None) if detail.answer else None
        if shape is not None:
            names = shape.names or tuple(fmt.value(code) for code in shape.edges)
            mix: list[tuple[str, float | None, float]] = list(zip(names, shape.before, shape.now, strict=False))
            return [*share_rows(sorted(mix, key=_largest), width, len(mix)), legend()]
        total = sum(n for _, n in detail.stream.predictions)
        if not total:
            return [((" none: this model predicts no classes, or nothing yet", "quiet"),)]
        told: list[tuple[str, float | None, float]] = [(name, None, n / total) for name, n in detail.stream.predictions]
        return share_rows(sorted(told, key=_largest), width, len(told))


def _largest(row: tuple[str, float | None, float]) -> float:
    return -max(row[1] or 0.0, row[2])


class About(StreamPanel):
    """Everything else that is known of a stream."""

    DEFAULT_CSS = "About { height: 1fr; min-height: 4; }"

    def title(self, detail: StreamDetail) -> str:  # noqa: ARG002  # it is the same of every stream
        """Name the part."""
        return "6 about"

    def lines(self, detail: StreamDetail, width: int) -> list[Line]:
        """Say how it runs, what its reference warns of, what is watched, and which model it is."""
        lines = facts_lines(detail.stream, detail.finding, detail.now, width)
        for fact in series_facts(detail.stream.series):
            shade: Tone = "warning" if fact.share == 1 else "plain"
            lines += labelled("watched", f"{fact.label} {fact.text}", width, shade)
        return [*lines, (), heading("this model", width), *identity_lines(detail.stream, width)]
