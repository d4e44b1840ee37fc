"""Judging a stream's answers by hand: one key for right, one for wrong, one for what would have been right.

The list stands still while it is worked through; `u` brings the newest answers.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from agent.ports import AgentRefusedError
from agent.screen import Answers
from tui import format as fmt
from tui.answers import answer_columns, answer_line, in_columns
from tui.asking import AskingScreen
from tui.dialog import TextDialog
from tui.header import Header
from tui.key_line import KeyLine
from tui.rows import Rows
from tui.spans import cut, heading
from tui.telling import Teller, Told, Undone

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from agent.screen import Answer, ScreenSource
    from agent.truth import LabelSummary
    from tui.asking import Question
    from tui.spans import Line
    from tui.view import View

_MOST = 200
_CLASSES_SAID = 20


class AnswerList(Rows):
    """One line a recorded inference, the newest first."""

    DEFAULT_CSS = "AnswerList { height: 1fr; }"

    answers: Answers | None = None
    note = ""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[str, str] = {}  # by the inference's id: what was said here, and what the agent answered

    def keys_of(self, view: View) -> list[str]:  # noqa: ARG002  # they are of the answers
        """Return one key an inference."""
        return [str(at) for at in range(len(self.answers.answers))] if self.answers else []

    def head(self, width: int, note: str) -> list[Line]:
        """Return the rule and the column titles."""
        answers = self.answers
        judged = (
            sum(bool(self.told.get(a.id)) or bool(a.truth) or a.right is not None for a in answers.answers)
            if answers
            else 0
        )
        sampled = ", a sample" if answers and answers.sampled else ""
        title = f"recorded answers, newest first{sampled}; {judged} judged"
        rule = heading(title, width, note, marked=self.has_focus)
        names = [answers.signals[at] for at in in_columns(answers.signals)] if answers else []
        titles = answer_columns(names, width - 1)
        return [rule, ((" " + titles, "quiet"),)] if self.keys else [rule]

    def row(self, index: int, width: int) -> Line:
        """Return one inference's line."""
        assert self.answers is not None  # there are rows
        answer = self.answers.answers[index]
        return answer_line(answer, in_columns(self.answers.signals), width, self.told.get(answer.id, ""))

    def nothing(self, width: int) -> list[Line]:  # noqa: ARG002  # the lines are short
        """Say why there are none."""
        if self.answers is None:
            return [((f" {self.note or 'asking…'}", "quiet"),)]
        return [((" none is recorded yet", "quiet"),)]

    @property
    def selected(self) -> Answer | None:
        """The inference under the cursor."""
        return self.answers.answers[int(self.key)] if self.answers and self.key is not None else None


class LabelScreen(AskingScreen):
    """The newest recorded answers of a stream, to be judged."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "app.pop_screen", "back", key_display="esc"),
        Binding("r", "judge(True)", "right"),
        Binding("w", "judge(False)", "wrong"),
        Binding("c", "name", "correct it"),
        Binding("u", "update", "newest"),
    ]

    def __init__(self, source: ScreenSource, key: str, model: str) -> None:
        super().__init__()
        self._source = source
        self._key = key
        self._model = model
        self._teller = Teller()

    def compose(self) -> ComposeResult:
        """Lay the list out."""
        yield Header()
        yield AnswerList()
        yield KeyLine()

    def question(self) -> Question:
        """Ask for the newest answers."""
        return partial(self._source.answers, self._key, _MOST)

    def every_s(self) -> float:
        """Return that no answer grows old: the list stands still while it is worked through."""
        return math.inf

    def renew(self) -> None:
        """Hand the list what is known."""
        for rows in self.query(AnswerList):
            rows.note = self.note
            if isinstance(self.answer, Answers) and rows.answers is not self.answer:
                rows.answers, rows.told = self.answer, {}

    def action_update(self) -> None:
        """Bring the newest answers, and go to the first."""
        self.query_one(AnswerList).cursor = 0
        self.ask()

    def action_judge(self, right: bool) -> None:  # noqa: FBT001  # Textual passes it by place
        """Say that the answer under the cursor is right, or that it is wrong."""
        answer = self._judged()
        if answer is not None:
            act = partial(self._source.mark, self._key, answer.id, right=right)
            self._tell(answer, act, "✓ right" if right else "x wrong")

    def action_name(self) -> None:
        """Ask what would have been right."""
        answer = self._judged()
        if answer is None:
            return
        lines = [f"The model said {answer.said or fmt.UNKNOWN}. What would have been right?"]
        classes = self._names
        if classes:
            more = f" and {len(classes) - _CLASSES_SAID} more" if len(classes) > _CLASSES_SAID else ""
            lines.append(f"One of: {', '.join(classes[:_CLASSES_SAID])}{more}")
        dialog = TextDialog(lines, "enter tells the agent, esc leaves it", self._wrong_name)
        self.app.push_screen(dialog, partial(self._named, answer))

    @property
    def _names(self) -> tuple[str, ...]:
        return self.answer.classes if isinstance(self.answer, Answers) else ()

    def _wrong_name(self, text: str) -> str:
        if not text:
            return "type the right answer, or press esc"
        if self._names and text not in self._names:
            return f"{cut(text, 20)} is none of them: {', '.join(self._names[:_CLASSES_SAID])}"
        return ""

    def _named(self, answer: Answer, truth: str | None) -> None:
        if truth is not None:
            act = partial(self._source.label, [(answer.id, truth, self._model)])
            self._tell(answer, act, "✓ right" if truth == answer.said else f"x wrong, is {truth}")

    def _judged(self) -> Answer | None:
        answer = self.query_one(AnswerList).selected
        if answer is None:
            self.app.notify("there is no answer here", markup=False)
        elif not answer.id:
            self.app.notify("it has no id and cannot be labelled: see ids=True in the guide", markup=False)
        elif answer.status:
            self.app.notify("this inference failed: there is no answer to judge", markup=False)
        else:
            return answer
        return None

    def _tell(self, answer: Answer, act: Callable[[], LabelSummary], said: str) -> None:
        rows = self.query_one(AnswerList)
        rows.told[answer.id] = "telling…"
        rows.redraw()
        rows.action_move(1)

        def tell() -> str:
            summary = act()
            if summary.refused or not (summary.matched or summary.replaced or summary.waiting):
                raise AgentRefusedError(", ".join(summary.reasons) or "the agent did not take it")
            return said

        undone = Undone(f"the answer of {fmt.local_time(answer.time)} is not judged", "it is not recorded any more")
        self._teller.tell(self, tell, undone=undone, about=answer.id)

    def on_rows_opened(self, message: Rows.Opened) -> None:
        """Ask what would have been right."""
        message.stop()
        self.action_name()

    def on_told(self, message: Told) -> None:
        """Show beside the answer what the agent took; what it did not take is said."""
        message.stop()
        rows = self.query_one(AnswerList)
        if message.taken:
            rows.told[message.about] = message.text
        else:
            rows.told.pop(message.about, None)
            self.app.notify(cut(message.text, 300), severity="warning", markup=False)
        rows.redraw()
