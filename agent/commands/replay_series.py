"""`driftline replay FILE --as series`: the scores into a file, the episodes onto the terminal."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from agent.cli import EXIT_FAILURE, EXIT_USAGE
from agent.commands.options import fail
from agent.commands.progress import Progress
from agent.replay_series import SeriesReplay
from collectors.series_file import SeriesFile
from collectors.table import TableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.replay_series import Episode

SHOWN = 50  # episodes on the terminal; the file of scores has them all


def run(file: Path, time: str, value: str, scores: Path | None) -> None:
    """Score `file` and tell; exits with a message where the file cannot be read or written."""
    replay = SeriesReplay()
    try:
        with SeriesFile(file) as table, contextlib.ExitStack() as files:
            out = None if scores is None else files.enter_context(scores.open("w", encoding="ascii"))
            progress = Progress(table.rows)
            if out is not None:
                out.write("score\n")
            for done, score in enumerate(replay.scores(table.points(time, value)), start=1):
                if out is not None:
                    out.write(f"{score:.6g}\n")
                progress(done)
            _tell(replay.episodes, table.rows)
    except TableError as error:
        fail(str(error), EXIT_USAGE)
    except OSError as error:
        fail(f"{scores}: {error.strerror}", EXIT_FAILURE)


def _tell(episodes: list[Episode], rows: int) -> None:
    for line in _lines(episodes[:SHOWN]):
        click.echo(line)
    more = f", the first {SHOWN} are shown" if len(episodes) > SHOWN else ""
    click.echo(f"driftline: {len(episodes)} episode{'' if len(episodes) == 1 else 's'} in {rows} rows{more}", err=True)


def _lines(episodes: list[Episode]) -> Iterator[str]:
    if episodes:
        yield f"{'time':<20} {'row':>9} {'value':>12} {'score':>5}  shape"
    for one in episodes:
        yield f"{one.time:%Y-%m-%dT%H:%M:%SZ} {one.row:>9} {one.value:>12.6g} {one.score:>5.2f}  {one.shape}"
