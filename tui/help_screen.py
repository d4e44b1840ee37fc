"""The keys, and what the words and numbers on the screens mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.detail import Detail
from tui.lined import Page
from tui.places import PLACES
from tui.spans import heading, wrap

if TYPE_CHECKING:
    from tui.spans import Line

_KEYS = (
    ("↑ ↓ j k", "move or scroll; home, end, page up and down too"),
    ("enter", "open what the cursor is on: a stream, a finding, the device, the link, an event"),
    ("esc", "go back"),
    ("tab", "next panel"),
    *((place.key, f"{place.name}: {place.what}") for place in PLACES),
    ("1 to 6", "on a stream or a finding: its own parts, as they are numbered there; 0 leads out"),
    (":", "go somewhere by name: a place, a model, a finding"),
    ("/", "filter the list by words; enter keeps the filter, esc shows all rows again"),
    ("e", "export: the list as CSV, or the whole screen as text, to a file where you started this"),
    ("a", "mark the selected finding as seen, with a note; it stays open until it is over"),
    ("s c", "snooze the selected finding; close it as real or as a false alarm"),
    ("z + -", "on a stream: a longer or a shorter span"),
    ("f l", "on a stream: its worst finding; judge its answers, r right, w wrong, c correct it"),
    ("✓ z", "beside a finding: someone has seen it; it is snoozed"),
    ("p", "hold the screen still, and go on"),
    ("t", "other colours: dark, light, the terminal's own sixteen"),
    ("?", "this page"),
    ("q", "quit; the agent goes on"),
)
_WORDS = (
    ("OK", "the input is what the reference saw, and no finding is open"),
    ("LEARNING", "the first inferences become the reference; nothing is judged yet"),
    ("WARNING", "a finding is open that someone should look at"),
    ("CRITICAL", "a finding is open, and results are probably wrong: look at it now"),
    ("WAITING", "nothing to watch yet"),
    ("STOPPED", "the service that ran this model is gone"),
    ("evidence", "how far a signal has come on its way to an alarm; full means alarm; after one it is counted anew"),
    ("reference", "the signal's mean when it was learned; beside it the mean now"),
    ("shift", "how far the values moved, in standard deviations of the reference"),
    ("█ ░ ▓", "of two distributions: what both have, what the reference alone has, what now alone has"),
    ("PSI, KS", "two more measures of the same; they are shown, but never raise an alarm"),
    ("sure", "the model's mean confidence; it can be high and wrong"),
    ("median", "the median latency over time, drawn from 0; mid-height is the usual"),
    ("written", "what the agent wrote to the card in a day, of what it may; cards wear out by writing"),
    ("link", "CONNECTED, NOT REACHED (it is tried again) or NEEDS YOU; what waits is sent when it is back"),
    ("p50, p99", "half of the inferences of the last minute were faster than p50, 99 of 100 faster than p99"),
)


class HelpPage(Page):
    """Keys first, then words."""

    def head(self, width: int, note: str) -> Line:
        """Return the rule."""
        return heading("help", width, note, marked=self.has_focus)

    def body(self, width: int) -> list[Line]:
        """Return both lists."""
        lines: list[Line] = []
        for title, pairs in (("", _KEYS), ("what it means", _WORDS)):
            lines += [(), heading(title, width)] if title else []
            for name, text in pairs:
                first, *rest = wrap(text, max(12, width - 12))
                lines.append(((f" {name:10} ", "accent"), (first, "plain")))
                lines += [((" " * 12 + line, "plain"),) for line in rest]
        return lines


class HelpScreen(Detail):
    """What every key does and every word means."""

    def page(self) -> Page:
        """Make the page."""
        return HelpPage()
