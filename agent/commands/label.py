"""`driftline label FILE` and `driftline label ID TRUTH`."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.baselines import BaselineError, resolve
from agent.commands.options import client, fail, run_option
from agent.ports import AgentAwayError, AgentRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agent.truth import LabelSummary

AT_ONCE = 2_000  # labels a request; the agent takes 5,000,
BYTES_AT_ONCE = 900_000  # or 1 MiB of JSON
TEXT_LIMIT = 300  # characters of an id, a truth or a model
LABEL_BYTES = 40  # of JSON around the texts of one label
COLUMNS = ("id", "truth")
DELIMITERS = (",", ";", "\t", "|")

Row = tuple[str, str, str]  # id, truth, model


class LabelFileError(Exception):
    """The file holds no labels; the message names file, row and column."""


@click.command("label")
@click.argument("target", metavar="FILE | ID")
@click.argument("truth", required=False)
@click.option("--right", "right", flag_value=True, type=bool, default=None, help="The answer of ID was right.")
@click.option("--wrong", "right", flag_value=False, type=bool, help="It was wrong, whatever would have been right.")
@click.option("--model", default="", help="Which model the ids belong to, where several use the same.")
@run_option
def command(target: str, truth: str | None, right: bool | None, model: str, run: str | None) -> None:  # noqa: FBT001  # click passes flags by name
    """Tell what inferences should have said: a CSV or Parquet FILE with columns id and truth, or one ID with its TRUTH.

    A column `model` says for each row which model it is about. The truth is the number or the name of the right class,
    or the right value. A second truth about the same inference takes the place of the first. Ends with 1 where no label
    could be used, or not all could be told.
    """
    told = Told()
    if right is not None:
        if truth is not None:
            raise click.UsageError("give a TRUTH, or --right or --wrong")
        told.add(_mark(target, model, run, right=right))
        told.show()
        raise SystemExit(0 if told.counts["matched"] + told.counts["replaced"] else 1)
    try:
        rows = [(target, truth, model)] if truth is not None else read_labels(Path(target), model)
        tell(rows, run, told)
    except (LabelFileError, AgentAwayError, AgentRefusedError) as error:
        if told.counts:  # what was told is kept: to tell the whole file again does no harm
            told.show()
        fail(str(error))
    told.show()
    if not told.counts["matched"] + told.counts["replaced"]:
        raise SystemExit(1)


def _mark(inference_id: str, model: str, run: str | None, *, right: bool) -> LabelSummary:
    """Tell that an answer was right or wrong, of the one model that is meant."""
    try:
        agent = client(run)
        key = resolve(model, [stream.key for stream in agent.status().streams])
        return agent.mark(key, inference_id, right=right)
    except (AgentAwayError, AgentRefusedError, BaselineError) as error:
        fail(str(error))
    except KeyError as error:
        fail(str(error.args[0]))


class Told:
    """What became of the labels so far."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._reasons: dict[str, None] = {}
        self._warnings: dict[str, None] = {}

    def add(self, said: LabelSummary) -> None:
        """Count an answer of the agent in."""
        for name in ("matched", "replaced", "waiting", "refused"):
            self.counts[name] += getattr(said, name)
        self._reasons.update(dict.fromkeys(said.reasons))
        self._warnings.update(dict.fromkeys(said.warnings))

    def show(self) -> None:
        """Say it."""
        counts = self.counts
        click.echo(
            f"{counts['matched']} labelled, {counts['replaced']} labelled before and replaced, "
            f"{counts['waiting']} not found, {counts['refused']} refused"
        )
        if counts["waiting"]:
            click.echo("driftline: what was not found is kept for some minutes, in case its inference comes", err=True)
        for reason in self._reasons:
            click.echo(f"driftline: refused: {reason}", err=True)
        for warning in self._warnings:
            click.echo(f"driftline: beware: {warning}", err=True)


def tell(rows: Iterable[Row], run: str | None, told: Told) -> None:
    """Send labels to the agent, as many at once as it takes, and count what becomes of them."""
    agent = client(run)
    some: list[tuple[str | int, str | float, str]] = []
    size = 0
    for row in rows:
        # Quotes, control characters and what is not ASCII take more bytes than characters; none takes more than six.
        plain = all(text.isascii() and text.isprintable() for text in row)
        more = LABEL_BYTES + (2 if plain else 6) * sum(map(len, row))
        if some and (len(some) == AT_ONCE or size + more > BYTES_AT_ONCE):
            told.add(agent.label(some))
            some, size = [], 0
        some.append(row)
        size += more
    if some:
        told.add(agent.label(some))


def read_labels(path: Path, model: str) -> Iterator[Row]:
    """Yield the labels of a CSV or Parquet file. Raises LabelFileError."""
    if not path.is_file():
        raise LabelFileError(f"{path}: no such file; to label one inference, give its id and its truth")
    rows = _parquet(path) if path.suffix.lower() in {".parquet", ".pq"} else _csv(path)
    names = next(rows, [])
    for name in COLUMNS:
        if name not in names:
            raise LabelFileError(f"{path}: no column {name!r}; there are {', '.join(names) or 'none'}")
    at_id, at_truth = (names.index(name) for name in COLUMNS)
    at_model = names.index("model") if "model" in names else None
    for number, row in enumerate(rows):
        if len(row) != len(names):
            raise LabelFileError(f"{path}: row {number}: {len(row)} values in {len(names)} columns")
        identity, truth = row[at_id].strip(), row[at_truth].strip()
        named = row[at_model].strip() if at_model is not None else ""
        for name, text in (("id", identity), ("truth", truth), ("model", named or "any")):
            if not text or len(text) > TEXT_LIMIT:
                what = f"has {len(text)} characters, at most {TEXT_LIMIT} are taken" if text else "is empty"
                raise LabelFileError(f"{path}: row {number}: {name} {what}")
        yield identity, truth, named or model


def _csv(path: Path) -> Iterator[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline(1_000_000)
            delimiter = max(DELIMITERS, key=first.count)
            yield [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
            yield from (row for row in csv.reader(file, delimiter=delimiter) if row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise LabelFileError(f"{path}: not a CSV file in UTF-8 ({error})") from error


def _parquet(path: Path) -> Iterator[list[str]]:
    import duckdb  # noqa: PLC0415  # only a Parquet file needs it

    with duckdb.connect() as db:
        try:
            answer = db.execute("SELECT * FROM read_parquet(?)", [str(path)])
            yield [str(column[0]) for column in answer.description or []]
            while some := answer.fetchmany(AT_ONCE):
                yield from (["" if cell is None else str(cell) for cell in row] for row in some)
        except duckdb.Error as error:
            raise LabelFileError(f"{path}: not a Parquet file: {str(error).splitlines()[0]}") from error
