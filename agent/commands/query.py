"""`driftline query "SQL"`."""

from __future__ import annotations

import csv
import sys
from typing import Any

import click

from agent.client import AgentRefusedError
from agent.commands.options import client, fail, run_option, state_option
from agent.ports import AgentAwayError

CELL_WIDTH = 40


@click.command("query")
@click.argument("sql")
@run_option
@state_option
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.option("--limit", default=1_000, show_default=True, metavar="ROWS", help="At most so many rows.")
@click.option("--seconds", default=10.0, show_default=True, help="Give up after so long.")
def command(sql: str, run: str | None, state: str | None, form: str, limit: int, seconds: float) -> None:
    """Ask the buffer in SQL, reading only. The main views: inferences, readings, findings, streams, events, labels.

    With --state, reads a buffer whose agent is not running.
    """
    try:
        result = _from_files(state, sql, limit, seconds) if state else client(run).query(sql, limit, seconds)
    except AgentAwayError as error:
        fail(f"{error}; to read the buffer of a stopped agent, give --state DIR")
    except (AgentRefusedError, ValueError) as error:
        fail(str(error))
    {"table": _table, "csv": _csv, "json": _json}[form](result["columns"], result["rows"])
    if result["truncated"]:
        click.echo(f"driftline: only the first {limit} rows; --limit gives more", err=True)


def _from_files(state: str, sql: str, limit: int, seconds: float) -> dict[str, Any]:
    import msgspec  # noqa: PLC0415

    from agent.commands.offline import open_stopped, run_query  # noqa: PLC0415  # loads duckdb

    with open_stopped(state) as buffer:
        result: dict[str, Any] = msgspec.to_builtins(run_query(buffer, sql, limit, seconds))
        return result


def _table(columns: list[str], rows: list[list[Any]]) -> None:
    cells = [[_text(cell) for cell in row] for row in rows]
    widths = [max([len(name), *(len(row[at]) for row in cells)]) for at, name in enumerate(columns)]
    for line in (columns, ["-" * width for width in widths], *cells):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _csv(columns: list[str], rows: list[list[Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def _json(columns: list[str], rows: list[list[Any]]) -> None:
    import msgspec  # noqa: PLC0415

    for row in rows:
        click.echo(msgspec.json.encode(dict(zip(columns, row, strict=True))))


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    text = f"{cell:.6g}" if isinstance(cell, float) else str(cell)
    clean = "".join(character if character.isprintable() else "?" for character in text)
    return clean if len(clean) <= CELL_WIDTH else clean[: CELL_WIDTH - 1] + "…"
