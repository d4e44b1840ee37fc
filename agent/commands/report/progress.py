"""What a report is doing, on stderr: a line a stage with its time; on a terminal the running one counts up."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from agent.clock import Clock


class Progress:
    """Call it with a stage that begins, or with "" while one lasts; `done` ends the last.

    Parameters
    ----------
    clock
        Time.
    quiet
        Say nothing at all.

    """

    def __init__(self, clock: Clock, *, quiet: bool) -> None:
        self._clock = clock
        self._quiet = quiet
        self._live = sys.stderr.isatty() and not quiet
        self._stage = ""
        self._began_ns = 0

    def __call__(self, stage: str) -> None:
        """Begin a stage, or show how long the present one has lasted."""
        if stage:
            self.done()
            self._stage, self._began_ns = stage, self._clock.monotonic_ns()
        if self._live and self._stage:
            click.echo(f"\r{self._line()}", err=True, nl=False)

    def done(self) -> None:
        """End the present stage."""
        if self._stage and not self._quiet:
            click.echo(f"\r{self._line()}" if self._live else self._line(), err=True)
        self._stage = ""

    def broken_off(self) -> None:
        """Leave the line of a stage that will not end."""
        if self._live and self._stage:
            click.echo("", err=True)
        self._stage = ""

    def _line(self) -> str:
        return f"{self._stage} … {(self._clock.monotonic_ns() - self._began_ns) / 1e9:.1f} s"
