"""A bar on stderr for commands that take a while."""

from __future__ import annotations

import sys

import click


class Progress:
    """A bar on stderr, on a terminal only; redrawn when it would look different."""

    WIDTH = 40

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._drawn = -1
        self._shown = sys.stderr.isatty()

    def __call__(self, done: int) -> None:
        """Show that so many rows are done."""
        filled = done * self.WIDTH // self._rows
        if not self._shown or filled == self._drawn:
            return
        self._drawn = filled
        end = "\n" if done >= self._rows else ""
        click.echo(
            f"\r[{'#' * filled}{' ' * (self.WIDTH - filled)}] {done} of {self._rows} rows{end}", err=True, nl=False
        )
