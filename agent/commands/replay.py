"""`driftline replay FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli import EXIT_CONFIG, EXIT_USAGE
from agent.commands.options import config_option, fail
from agent.commands.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.replay import Said
    from collectors.table import Table

MIN_REFERENCE_ROWS = 500


@click.command("replay")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--reference",
    metavar="N|FILE",
    help="Rows at the start of FILE that are the reference, or a file of reference rows (default: the first tenth, at least 500).",  # noqa: E501  # one sentence
)
@click.option(
    "--alarms-per",
    default=1e6,
    show_default=True,
    metavar="ROWS",
    type=click.FloatRange(min=1, min_open=True),
    help="The false-alarm budget: at most one expected false alarm in so many rows.",
)
@click.option(
    "--as",
    "kind",
    type=click.Choice(["inferences", "series"]),
    default="inferences",
    show_default=True,
    help="What a row is: an inference, or a point of one series.",
)
@click.option("--time", metavar="COLUMN", help="Series: the time, ISO 8601 or a number since 1970 (default: time).")
@click.option("--value", metavar="COLUMN", help="Series: the value (default: value).")
@click.option(
    "--scores",
    metavar="OUT.csv",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Series: where to write an anomaly score in [0, 1] for every row.",
)
@config_option
def command(
    file: Path,
    reference: str | None,
    alarms_per: float,
    config: str | None,
    kind: str,
    time: str | None,
    value: str | None,
    scores: Path | None,
) -> None:
    """Say what Driftline would have said on a CSV or Parquet file.

    The first row names the columns. One row is an inference: `prediction`, `confidence`, `latency_s` and `time` are
    understood; every other column is a feature. Findings are printed as JSON lines; rows are data rows of FILE, from 0.
    The configuration adds detectors ([[river]]) as it does for the agent.

    With --as series one row is a point of the series that --time and --value name. A row's score follows from it and
    the rows before it; .5 is an alarm. The episodes are printed.
    """
    _refuse_mixture(kind, reference=reference, time=time, value=value, scores=scores)
    if kind == "series":
        from agent.commands.replay_series import run  # noqa: PLC0415  # only what is asked for is loaded

        run(file, time or "time", value or "value", scores)
        return
    from agent.config import ConfigError  # noqa: PLC0415
    from agent.replay import replay  # noqa: PLC0415  # loads duckdb and numpy, which `--help` does not need
    from agent.wiring import load_config  # noqa: PLC0415
    from collectors.table import Table, TableError  # noqa: PLC0415

    try:
        settings = load_config(config)[1]
    except ConfigError as error:
        fail(str(error), EXIT_CONFIG)
    try:
        if reference is None or reference.isdigit():
            with Table(file) as table:
                rows = int(reference) if reference else max(table.rows // 10, MIN_REFERENCE_ROWS)
                said = replay(table, table, rows, rows, alarms_per, settings, Progress(table.rows), _note)
                _report(said, table)
        else:
            with Table(Path(reference)) as learned, Table(file, learned.categories) as table:
                said = replay(table, learned, learned.rows, 0, alarms_per, settings, Progress(table.rows), _note)
                _report(said, table)
    except TableError as error:
        fail(str(error), EXIT_USAGE)


def _refuse_mixture(kind: str, **given: object) -> None:
    """Refuse options that mean nothing for the kind of file."""
    of_series = ("time", "value", "scores")
    for name, option in given.items():
        if option is not None and (name in of_series) != (kind == "series"):
            other = "series" if name in of_series else "inferences"
            raise click.UsageError(f"--{name} goes with --as {other}")


def _report(findings: Iterable[Said], table: Table) -> None:
    import msgspec  # noqa: PLC0415

    for doubt in table.doubts():
        _note(doubt)
    told = 0
    for said in findings:
        click.echo(msgspec.json.encode(_line(said)))
        told += 1
    click.echo(f"driftline: {told} finding{'' if told == 1 else 's'}", err=True)


def _note(sentence: str) -> None:
    click.echo(f"driftline: {sentence}", err=True)


def _line(said: Said) -> dict[str, object]:
    finding = said.finding
    return {
        "row": said.row,
        "onset_row": said.onset_row,
        "kind": finding.kind,
        "severity": finding.severity,
        "signals": [
            {
                "name": s.name,
                "detector": s.detector,
                "ks": s.ks,
                "psi": s.psi,
                "wasserstein": s.wasserstein,
                "ks_noise": s.ks_noise,
                "psi_noise": s.psi_noise,
                "wasserstein_noise": s.wasserstein_noise,
            }
            for s in finding.signals
        ],
        "cause": f"{finding.causes[0].kind}: {finding.causes[0].name}" if finding.causes else None,
        "sentence": finding.sentence,
        "advice": finding.advice,
    }
