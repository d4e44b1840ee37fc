"""What a person decides about a finding: seen, snoozed for a while, or closed as real or as a false alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.dialog import ChoiceDialog, Option, TextDialog
from tui.spans import cut
from tui.telling import Teller, Undone

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.model import Finding, Verdict
    from agent.screen import ScreenSource
    from tui.app import Dashboard

_HOUR = 3600.0
_SPANS = {"1": (_HOUR, "1 hour"), "2": (8 * _HOUR, "8 hours"), "3": (24 * _HOUR, "1 day"), "4": (168 * _HOUR, "7 days")}
_WAKE = "0"
_VERDICTS: dict[str, tuple[Verdict, str]] = {
    "r": ("real", "real: something was wrong"),
    "f": ("false alarm", "false alarm: nothing was wrong, or this change is meant to be"),
}
_SENTENCE_CELLS = 200
_NOTE = "A note for whoever comes next (may stay empty):"


class Deciding:
    """Asks what is to become of a finding, and has the agent told."""

    def __init__(self, app: Dashboard, source: ScreenSource) -> None:
        self._app = app
        self._source = source
        self._teller = Teller()

    def acknowledge(self, finding: Finding) -> None:
        """Ask for a note, then mark the finding as seen."""
        if finding.state == "acknowledged":
            self._app.notify("it is marked as seen already", markup=False)
            return

        def send(note: str) -> None:
            self._tell(lambda: self._source.acknowledge(finding.id, note), "marked as seen", "not marked")

        self._note(f"Seen: {finding.sentence}", "enter marks it as seen, esc leaves it", send)

    def snooze(self, finding: Finding) -> None:
        """Ask for how long."""
        options = [Option(key, text) for key, (_, text) in _SPANS.items()]
        if finding.snoozed_until is not None:
            options.append(Option(_WAKE, "wake it now"))

        def chosen(key: str | None) -> None:
            if key is None:
                return
            seconds, text = _SPANS.get(key, (0.0, ""))
            said = f"it is snoozed for {text}" if text else "it is awake again"
            end = f"enter snoozes it for {text}" if text else "enter wakes it"
            self._note(
                f"Snooze: {finding.sentence}", f"{end}, esc leaves it",
                lambda note: self._tell(lambda: self._source.snooze(finding.id, seconds, note), said, "not done"),
            )  # fmt: skip

        about = "While it is snoozed it stays in the list, but does not count towards the device's state."
        self._app.push_screen(ChoiceDialog([f"Snooze: {_short(finding)}", about], options), chosen)

    def close(self, finding: Finding) -> None:
        """Ask what it was."""

        def chosen(key: str | None) -> None:
            if key is None:
                return
            verdict, _ = _VERDICTS[key]
            self._note(
                f"Close as {verdict}: {finding.sentence}", "enter closes it, esc leaves it",
                lambda note: self._tell(
                    lambda: self._source.judge(finding.id, verdict, note), f"closed as {verdict}", "not closed"
                ),
            )  # fmt: skip

        options = [Option(key, text) for key, (_, text) in _VERDICTS.items()]
        about = "What you say is kept with it, and shown to the fleet."
        real = "Closed as real it is not told again while it goes on; the state is a warning at most until it is over."
        self._app.push_screen(ChoiceDialog([f"Close: {_short(finding)}", about, real], options), chosen)

    def _note(self, about: str, keys: str, send: Callable[[str], None]) -> None:
        dialog = TextDialog([cut(about, _SENTENCE_CELLS), _NOTE], keys)
        self._app.push_screen(dialog, lambda note: None if note is None else send(note))

    def _tell(self, act: Callable[[], None], said: str, undone: str) -> None:
        def tell() -> str:
            act()
            return said

        self._teller.tell(self._app, tell, undone=Undone(undone, "the finding is closed already"))


def _short(finding: Finding) -> str:
    return cut(finding.sentence, _SENTENCE_CELLS)
