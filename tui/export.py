"""Writes what a screen shows to a file where the dashboard was started; hands it over where it is in a browser.

Never over a file that is there. Writing happens in a thread: a card may be slow.
"""

from __future__ import annotations

import io
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tui.dialog import ChoiceDialog, Option
from tui.exporting import csv_text, file_name, list_in_focus, screen_text
from tui.format import plural
from tui.spans import clean

if TYPE_CHECKING:
    from tui.navigating import Navigating

_TABLE, _TEXT = "c", "t"


class Export:
    """One export of the screen that is on top.

    Parameters
    ----------
    app
        The dashboard.

    """

    def __init__(self, app: Navigating) -> None:
        self._app = app
        self._screen = app.screen
        self._rows = list_in_focus(app.screen)

    def ask(self) -> None:
        """Ask in which form; nothing is written while there is nothing to show."""
        if self._app.view.status is None:
            self._app.notify("there is nothing to export yet", markup=False)
            return
        options = [Option(_TEXT, "all of this screen as text")]
        if self._rows is not None:
            options.insert(0, Option(_TABLE, f"the {self._name()} as CSV, {plural(len(self._rows.keys), 'row')}"))
        where = "To your browser" if self._app.is_web else f"To a file in {_here()}"
        self._app.push_screen(ChoiceDialog([f"{where}:"], options), self._chosen)

    def _name(self) -> str:
        rows = self._rows
        return type(rows).__name__.lower() if rows is not None and type(rows).__name__ != "Records" else self._page()

    def _page(self) -> str:
        return type(self._screen).__name__.removesuffix("Screen").lower()

    def _chosen(self, key: str | None) -> None:
        status = self._app.view.status
        if key is None or status is None:
            return
        if key == _TABLE and self._rows is not None:
            text, what, ending = csv_text(self._rows.table()), self._name(), "csv"
        else:
            text, what, ending = screen_text(self._screen), self._page(), "txt"
        name = file_name(status.agent.device, what, status.time, ending)
        if self._app.is_web:
            self._app.deliver_text(io.StringIO(text), save_filename=name, mime_type="text/plain")
        else:
            self._app.run_worker(partial(self._write, _here() / name, text), thread=True, exit_on_error=False)

    def _write(self, path: Path, text: str) -> None:
        """Write the file; runs in a thread."""
        try:
            with path.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
        except FileExistsError:
            said, severity = f"not written: {path} is there already", "warning"
        except OSError as error:
            said, severity = f"not written to {path}: {error.strerror or error}", "warning"
        else:
            said, severity = f"written to {path}", "information"
        self._app.call_from_thread(self._app.notify, clean(said), severity=severity, markup=False)


def _here() -> Path:
    """Return the current directory, also where it was removed; then writing fails and says so."""
    try:
        return Path.cwd()
    except OSError:
        return Path(os.curdir)  # $PWD may name another directory, which is not where anybody would look
