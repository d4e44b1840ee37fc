"""`driftline query "SQL"`."""

from __future__ import annotations

import contextlib
import csv
import io
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from agent.commands.options import client, end_incomplete, fail, run_option, state_option
from agent.ports import AgentAwayError, AgentRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

CELL_WIDTH = 40  # of a table of several columns on a terminal
MOST_SECONDS = 86_400.0  # of stored files; a running agent takes less


def _number(_context: click.Context, parameter: click.Parameter, value: float) -> float:
    if math.isnan(value):  # which is in every range, for click
        raise click.BadParameter("nan is no number of seconds", param=parameter)
    return value


@click.command("query")
@click.argument("sql")
@run_option
@state_option
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json", "parquet"]), default="table", show_default=True
)
@click.option("--output", metavar="FILE", help="Write to a file, which gets its name when it is whole.")
@click.option(
    "--limit", type=click.IntRange(1), default=1_000, show_default=True, metavar="ROWS", help="At most so many rows."
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, MOST_SECONDS, min_open=True),
    default=10.0,
    show_default=True,
    callback=_number,
    help="Give up after so long.",
)
def command(
    sql: str, run: str | None, state: str | None, form: str, output: str | None, limit: int, seconds: float
) -> None:
    """Ask the buffer in SQL, reading only. The main views: inferences, readings, findings, streams, events, labels.

    On a terminal long cells of a table are cut; into a file or a pipe they are whole, and so they are as csv and json.
    With --state, reads a buffer whose agent is not running. Parquet goes to a file or a pipe, and has no bound but
    --limit; the other formats take 100,000 rows. Exits with 1 where something had to be left out as unreadable.
    """
    if form == "parquet":
        _parquet(sql, run, state, output, limit, seconds)
        return
    try:
        result = _from_files(state, sql, limit, seconds) if state else client(run).query(sql, limit, seconds)
    except AgentAwayError as error:
        fail(f"{error}; to read the buffer of a stopped agent, give --state DIR")
    except (AgentRefusedError, ValueError) as error:
        fail(str(error))
    with _opened(output) as out:
        {"table": _table, "csv": _csv, "json": _json}[form](result["columns"], result["rows"], out)
    if result["truncated"]:
        click.echo(f"driftline: only the first {len(result['rows'])} rows; --limit gives more", err=True)
    end_incomplete(result.get("notes", ()))


def _parquet(sql: str, run: str | None, state: str | None, output: str | None, limit: int, seconds: float) -> None:
    from agent.commands.extracting import ExtractError, Extractor  # noqa: PLC0415
    from agent.commands.output import whole_file  # noqa: PLC0415

    if output is None and sys.stdout.isatty():
        raise click.UsageError("--format parquet is no text: give --output FILE, or pipe it somewhere")
    try:
        with whole_file(Path(output)) if output else contextlib.nullcontext(sys.stdout.buffer) as file:

            def start() -> Any:
                if output and file.seekable():
                    file.seek(0)
                    file.truncate()
                return file.write

            request = {"form": "parquet", "sql": sql, "row_limit": limit, "time_limit_s": seconds}
            verdict = Extractor(run, state).extract(start, **request)
    except ExtractError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{output or 'stdout'}: {error.strerror or error}")
    if verdict.truncated:
        click.echo(f"driftline: only the first {limit} rows; --limit gives more", err=True)
    end_incomplete(verdict.notes)


@contextlib.contextmanager
def _opened(output: str | None) -> Iterator[TextIO]:
    if output is None:
        yield sys.stdout
        return
    from agent.commands.output import whole_file  # noqa: PLC0415

    try:
        with whole_file(Path(output)) as file:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="")
            yield text
            text.flush()
            text.detach()
    except OSError as error:
        fail(f"{output}: {error.strerror or error}")


def _from_files(state: str, sql: str, limit: int, seconds: float) -> dict[str, Any]:
    import msgspec  # noqa: PLC0415

    from agent.commands.extracting import ExtractError, Extractor  # noqa: PLC0415

    try:
        answer = Extractor(None, state).answer(form="rows", sql=sql, row_limit=limit, time_limit_s=seconds)
    except ExtractError as error:
        raise ValueError(str(error)) from error
    result: dict[str, Any] = msgspec.json.decode(answer)
    return result


def _table(columns: list[str], rows: list[list[Any]], out: TextIO) -> None:
    most = CELL_WIDTH if out.isatty() and len(columns) > 1 else None
    cells = [[_text(cell, most) for cell in row] for row in rows]
    widths = [max([len(name), *(len(row[at]) for row in cells)]) for at, name in enumerate(columns)]
    for line in (columns, ["-" * width for width in widths], *cells):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip(), out)


def _csv(columns: list[str], rows: list[list[Any]], out: TextIO) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def _json(columns: list[str], rows: list[list[Any]], out: TextIO) -> None:
    import msgspec  # noqa: PLC0415

    for row in rows:
        click.echo(msgspec.json.encode(dict(zip(columns, row, strict=True))).decode(), out)


def _text(cell: Any, most: int | None) -> str:
    if cell is None:
        return ""
    text = f"{cell:.6g}" if isinstance(cell, float) else str(cell)
    clean = "".join(character if character.isprintable() else "?" for character in text)
    return clean if most is None or len(clean) <= most else clean[: most - 1] + "…"
