"""What `:` offers: places, things to do, and each stream and finding by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tui.rows import Rows
from tui.spans import clip, fit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui.spans import Line
    from tui.view import View

_NAME_CELLS = 22


class Command(NamedTuple):
    """One thing to choose: its name, what it does, and how."""

    name: str
    what: str
    run: Callable[[], object]


class Commands(Rows):
    """The commands that have every word that was typed; those whose name begins with it come first."""

    DEFAULT_CSS = "Commands { height: auto; min-height: 1; max-height: 12; }"

    LEAVING = "esc leaves"

    def __init__(self, commands: Sequence[Command]) -> None:
        super().__init__()
        self._commands = commands

    def take(self, view: View) -> None:
        """Offer them, whether the agent answers or not."""
        if not self._all:
            self._all = self.keys_of(view)
            self._choose(None)

    def keys_of(self, view: View) -> list[str]:  # noqa: ARG002  # they are the same for as long as this is open
        """Return a key a command."""
        return [str(place) for place in range(len(self._commands))]

    def head(self, width: int, note: str) -> list[Line]:  # noqa: ARG002  # the line above is where words are typed
        """Return nothing."""
        return []

    def words(self, index: int) -> str:
        """Return name and meaning."""
        return f"{self._commands[index].name} {self._commands[index].what}"

    def row(self, index: int, width: int) -> Line:
        """Return one command's line."""
        command = self._commands[index]
        return clip(((fit(command.name, _NAME_CELLS) + " ", "strong"), (command.what, "quiet")), width)

    def nothing(self, width: int) -> list[Line]:  # noqa: ARG002  # never shown: there are always commands
        """Return nothing."""
        return []

    def narrow(self, typed: str) -> None:
        """Leave what has every word; the cursor goes to the first whose name begins with what was typed."""
        self.filter_by(typed)
        start = typed.strip().lower()
        named = (at for at, place in enumerate(self._places) if self._commands[place].name.lower().startswith(start))
        self.cursor = next(named, 0)
        self.redraw(everything=True)

    @property
    def command(self) -> Command | None:
        """The command under the cursor."""
        return self._commands[self._places[self.cursor]] if self.keys else None
