"""`driftline baseline show | accept | reset | export | import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.baseline_file import MAX_BYTES, is_baseline
from agent.baselines import BaselineError, never_seen, resolve
from agent.cli import EXIT_USAGE
from agent.commands.options import client, fail, run_option, state_option
from agent.ports import AgentAwayError, AgentRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.baselines import Baseline, BaselineChange

stream_argument = click.argument("stream", default="", metavar="[STREAM]")


@click.group("baseline")
def command() -> None:
    """Look after the references: what each model's stream looks like when it is well.

    STREAM is a model's name, or as much of it as tells it from the others; it can be left out where there is one model.
    """


@command.command("show")
@stream_argument
@run_option
@state_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def show(stream: str, run: str | None, state: str | None, as_json: bool) -> None:  # noqa: FBT001  # click passes flags by name
    """Show what each reference holds, where it comes from, and whether it is long enough.

    With --state, reads a buffer whose agent is not running.
    """
    found = _from_files(state, stream) if state else _asked(lambda: client(run).baselines(stream))
    if as_json:
        import msgspec  # noqa: PLC0415

        for baseline in found:
            click.echo(msgspec.json.encode(baseline))
        return
    from agent.commands.baseline_text import render  # noqa: PLC0415

    if not found:
        click.echo("no model has been seen yet")
    for baseline in found:
        click.echo(render(baseline))


@command.command("accept")
@stream_argument
@run_option
@click.option("--learn", is_flag=True, help="Where too little of it is stored: learn from now on.")
def accept(stream: str, run: str | None, learn: bool) -> None:  # noqa: FBT001  # the same
    """Take what is seen now for the new normal: the rows since the newest finding began become the reference.

    Closes the findings that compared with the old one.
    """
    _tell(_asked(lambda: client(run).accept_baseline(stream, learn=learn)))


@command.command("reset")
@stream_argument
@run_option
def reset(stream: str, run: str | None) -> None:
    """Forget a reference, and learn it anew from now on."""
    _tell(_asked(lambda: client(run).reset_baseline(stream)))


@command.command("export")
@click.argument("stream_and_file", nargs=-1, required=True, metavar="[STREAM] FILE")
@run_option
def export(stream_and_file: tuple[str, ...], run: str | None) -> None:
    """Write a reference into a file, for another device or for keeping. It holds some of the model's inputs."""
    if len(stream_and_file) > 2:  # noqa: PLR2004  # a stream and a file
        raise click.UsageError("one stream and one file are expected")
    stream, file = stream_and_file if len(stream_and_file) == 2 else ("", stream_and_file[0])  # noqa: PLR2004  # the same
    data = _asked(lambda: client(run).export_baseline(stream))
    path = Path(file)
    try:
        path.write_bytes(data)
    except OSError as error:
        fail(f"{path}: {error.strerror or error}")
    click.echo(f"wrote {path}, {len(data):,} bytes")


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@run_option
@click.option("--model", "stream", default="", metavar="STREAM", help="For which stream (default: the file's own).")
@click.option(
    "--map", "renamed", multiple=True, metavar="COLUMN=SIGNAL", help="A column of the file that has another name."
)
@click.option("--prediction", metavar="COLUMN", help="The column with the model's predictions.")
@click.option("--confidence", metavar="COLUMN", help="The column with the confidence of the predictions.")
@click.option("--truth", metavar="COLUMN", help="The column with the true class, to calibrate the estimated accuracy.")
@click.option("--ordered", is_flag=True, help="The rows stand in the order in which they ran, as in one stream.")
@click.option("--learn-missing", is_flag=True, help="Signals that the file lacks are learned from the stream.")
def take(file: Path, run: str | None, stream: str, **options: Any) -> None:
    """Take over a reference: a file of `driftline baseline export`, or a training file (CSV, Parquet).

    The columns of a training file are matched to the stream's signals by name. Its rows are taken for shuffled, unless
    --ordered: how inferences hang together is then learned from the stream itself before it is judged.
    """
    try:
        with file.open("rb") as opened:
            start = opened.read(64)
        if is_baseline(start):
            if file.stat().st_size > MAX_BYTES:
                fail(f"{file}: larger than {MAX_BYTES >> 20} MiB")
            data = file.read_bytes()
        else:
            data = _from_table(file, run, stream, options)
    except OSError as error:
        fail(f"{file}: {error.strerror or error}", EXIT_USAGE)
    _tell(_asked(lambda: client(run).import_baseline(stream, data)))


def _from_table(file: Path, run: str | None, stream: str, options: dict[str, Any]) -> bytes:
    from agent.commands.baseline_table import read_training  # noqa: PLC0415  # loads duckdb and numpy
    from collectors.table import TableError  # noqa: PLC0415

    known = _asked(lambda: client(run).baselines())
    try:
        key = resolve(stream, [baseline.key for baseline in known])
        baseline = next(baseline for baseline in known if baseline.key == key)
        silent = [signal.name for signal in never_seen(baseline.signals)]
        return read_training(file, key, baseline.columns, silent=silent, **options)
    except (TableError, BaselineError) as error:
        fail(str(error), EXIT_USAGE)


def _from_files(state: str, stream: str) -> list[Baseline]:
    from agent.commands.baseline_offline import stored_baselines  # noqa: PLC0415  # loads duckdb and numpy

    try:
        return stored_baselines(state, stream)
    except BaselineError as error:
        fail(str(error))


def _asked(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except AgentAwayError as error:
        fail(f"{error}; `baseline show --state DIR` reads the buffer of a stopped agent")
    except (AgentRefusedError, KeyError) as error:
        fail(str(error.args[0]))


def _tell(change: BaselineChange) -> None:
    click.echo(f"{change.key}: {change.said}")
    for sentence in change.closed:
        click.echo(f"closed: {sentence}")
