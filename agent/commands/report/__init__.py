"""`driftline report`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from agent.cli import EXIT_CONFIG, EXIT_USAGE
from agent.commands.options import client, config_option, end_incomplete, fail, run_option, state_option, warn

if TYPE_CHECKING:
    from types import FrameType


@click.command("report")
@click.argument("stream", required=False)
@click.option(
    "--since", default="24h", show_default=True, metavar="SPAN", help="The window: 90m, 24h, 7d, or since when."
)
@click.option(
    "--against",
    default="reference",
    show_default=True,
    metavar="WHAT",
    help="What to compare with: the stream's reference, or the same window so much earlier (7d).",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    metavar="DIR",
    help="Where the files go (default: here).",
)
@click.option(
    "--if-any", "if_any", is_flag=True, help="Where there is nothing to report on, write nothing and succeed."
)
@click.option("--quiet", is_flag=True, help="Print the files' names, and no progress.")
@run_option
@state_option
@config_option
def command(
    stream: str | None,
    since: str,
    against: str,
    out: Path,
    if_any: bool,  # noqa: FBT001  # click passes flags by name
    quiet: bool,  # noqa: FBT001  # click passes flags by name
    run: str | None,
    state: str | None,
    config: str | None,
) -> None:
    """Write what happened as HTML to share, and as JSON: Driftline's findings beside Evidently's drift report.

    STREAM is a key or a model's name; without it, every stream of the window has a report. Evidently runs for about
    half a minute in a process of its own at the lowest priority. Nothing leaves the device. With --state, reads a
    buffer whose agent is not running. Exits with 1 where something had to be left out as unreadable.
    """
    from exporters.report.extra import missing  # noqa: PLC0415  # what follows is not for `--help` to load

    lacking = missing()
    if lacking:
        fail(lacking)
    from agent.clock import SystemClock  # noqa: PLC0415
    from agent.commands import moment  # noqa: PLC0415
    from agent.commands.report.gather import REFERENCE, NothingToReportError, Wish  # noqa: PLC0415
    from agent.commands.report.run import Failed, write_reports  # noqa: PLC0415
    from agent.commands.spans import parse_seconds, parse_since  # noqa: PLC0415
    from agent.config import ConfigError  # noqa: PLC0415
    from agent.wiring import load_config  # noqa: PLC0415

    clock = SystemClock()
    now_ns = moment.now_ns(clock, None if state else client(run))
    try:
        span = parse_since(since, now_ns)
        earlier_s = None if against == REFERENCE else parse_seconds(against)
    except ValueError as error:
        fail(str(error), EXIT_USAGE)
    if earlier_s is not None and earlier_s < span.seconds:
        fail(f"--against {against} overlaps the window; give at least as much as --since", EXIT_USAGE)
    try:
        _, settings = load_config(config)
    except ConfigError as error:
        fail(str(error), EXIT_CONFIG)
    signal.signal(signal.SIGTERM, _stop)
    wish, unread = Wish(span, earlier_s, now_ns), list[str]()
    try:
        for path in write_reports(stream, wish, out, settings, run, state, clock, unread, quiet=quiet):
            click.echo(path)
    except NothingToReportError as error:
        if not if_any and not unread:
            fail(str(error))
        click.echo(f"driftline: {error}", err=True)
    except Failed as error:
        warn(unread)
        fail(str(error))
    except KeyboardInterrupt:
        fail("stopped; nothing was left behind")
    end_incomplete(unread)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    """End as with Ctrl-C, so that what was begun is taken away."""
    raise KeyboardInterrupt
