"""`driftline export`: what the buffer keeps, as files that pandas, Polars and Spark read."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from agent import __version__
from agent.cli import EXIT_USAGE
from agent.commands.extracting import ExtractError, Extractor
from agent.commands.options import client, end_incomplete, fail, run_option, state_option
from agent.commands.output import make_folder, whole_file
from agent.commands.spans import parse_since
from tui.format import size

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from agent.frames import Verdict

FORMAT = 1
MANIFEST = "manifest.json"
LIST_S = 600.0  # counting a year of rows on a slow card
TABLE_S = 6 * 3600.0


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column of a file, and the signal that it holds, under the name that the service gave it."""

    name: str
    signal: str = ""


class Table(msgspec.Struct, frozen=True):
    """A table of the buffer."""

    key: str
    name: str
    rows: int
    columns: tuple[Column, ...]


class ExportedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of an export."""

    file: str
    rows: int
    bytes: int
    columns: tuple[Column, ...]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an export holds: `manifest.json`. It is written last, so where it is, all files are."""

    format: int
    driftline_version: str
    written: datetime
    since: datetime | None
    files: tuple[ExportedFile, ...]
    notes: tuple[str, ...]


@click.command("export")
@click.option(
    "--to", "folder", required=True, metavar="DIR", help="Where the files go; it is made where it is missing."
)
@click.option(
    "--since", metavar="SPAN", help="Only what is newer: 90m, 24h, 7d, or since when (default: all there is)."
)
@click.option("--format", "form", type=click.Choice(["parquet", "csv"]), default="parquet", show_default=True)
@click.option("--force", is_flag=True, help="Write over files of an earlier export.")
@run_option
@state_option
def command(folder: str, since: str | None, form: str, force: bool, run: str | None, state: str | None) -> None:  # noqa: FBT001  # click passes flags by name
    """Write what the buffer keeps to files: rows, readings, findings, events, labels.

    Works beside the running agent, which goes on undisturbed; with --state, on the files of a stopped one. Each table
    is one file, as it was at one moment; inferences are a file for each set of signals. Times are UTC.
    Exits with 1 where something had to be left out as unreadable.
    """
    from agent.clock import SystemClock  # noqa: PLC0415  # loads nothing that --help needs
    from agent.commands.moment import now_ns  # noqa: PLC0415

    try:
        now = now_ns(SystemClock(), None if state else client(run))
        since_ns = max(0, parse_since(since, now).start_ns) if since else 0
    except ValueError as error:
        fail(f"--since {error}", EXIT_USAGE)
    target = Path(folder)
    extractor = Extractor(run, state)
    try:
        answer = extractor.answer(form="tables", since_ns=since_ns, time_limit_s=LIST_S)
        tables = msgspec.json.decode(answer, type=list[Table])
        make_folder(target)
        _keep_what_is_there(target, [*(f"{table.name}.{form}" for table in tables), MANIFEST], force=force)
        (target / MANIFEST).unlink(missing_ok=True)  # whoever reads it while the files change must not believe it
        notes: dict[str, None] = {}
        files = [_write(extractor, table, target / f"{table.name}.{form}", form, since_ns, notes) for table in tables]
        manifest = Manifest(
            format=FORMAT,
            driftline_version=__version__,
            written=datetime.fromtimestamp(now // 10**9, UTC),
            since=datetime.fromtimestamp(since_ns // 10**9, UTC) if since_ns else None,
            files=tuple(files),
            notes=tuple(notes),
        )
        with whole_file(target / MANIFEST) as file:
            file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
    except ExtractError as error:
        fail(f"{error}" if state else f"{error}; to read the buffer of a stopped agent, give --state DIR")
    except OSError as error:
        fail(f"{error.filename or target}: {error.strerror or error}")
    end_incomplete(notes)


def _keep_what_is_there(target: Path, names: list[str], *, force: bool) -> None:
    there = [name for name in names if (target / name).exists()]
    if there and not force:
        fail(f"{target} holds {there[0]} already; give another directory, or --force to write over it")


def _write(
    extractor: Extractor, table: Table, path: Path, form: str, since_ns: int, notes: dict[str, None]
) -> ExportedFile:
    with whole_file(path) as file:
        written = _Written(path.name, file)
        verdict: Verdict = extractor.extract(
            written.start, form=form, table=table.key, since_ns=since_ns, time_limit_s=TABLE_S
        )
    written.say(verdict.rows)
    notes.update(dict.fromkeys(verdict.notes))
    return ExportedFile(file=path.name, rows=verdict.rows, bytes=written.bytes, columns=table.columns)


class _Written:
    """A file that is being written, and on a terminal how far it is."""

    SHOW_EVERY = 4 << 20

    def __init__(self, name: str, file: BinaryIO) -> None:
        self._name, self._file = name, file
        self.bytes = 0
        self._shown = 0
        self._terminal = sys.stderr.isatty()

    def start(self) -> Callable[[bytes], object]:
        self._file.seek(0)
        self._file.truncate()
        self.bytes = self._shown = 0
        return self._take

    def say(self, rows: int) -> None:
        if self._terminal:
            click.echo("\r\x1b[K", err=True, nl=False)
        click.echo(f"{self._name:32} {rows:>12,} rows {size(self.bytes):>13}")

    def _take(self, piece: bytes) -> None:
        self._file.write(piece)
        self.bytes += len(piece)
        if self._terminal and self.bytes - self._shown >= self.SHOW_EVERY:
            self._shown = self.bytes
            click.echo(f"\r{self._name:32} {self.bytes / 1e6:,.0f} MB", err=True, nl=False)
