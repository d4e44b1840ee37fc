"""`driftline demo`."""

from __future__ import annotations

import asyncio
import importlib.util
import sys

import click

from agent.commands.options import fail

DRIFTS = ("fouling", "dim", "rotate", "stuck-pixel", "class-mix", "slow")
SHORTEST_S = 25.0  # learning takes eleven seconds, and what happens then must have time to show
ONSET_S = 25.0
EARLIEST_ONSET_S = 15.0


def onset_for(seconds: float) -> float:
    """Return when the fault begins: after 25 s, in a short demo earlier, but never while Driftline is learning.

    >>> onset_for(60.0), onset_for(36.0), onset_for(25.0)
    (25.0, 16.0, 15.0)
    """
    return min(ONSET_S, max(EARLIEST_ONSET_S, seconds - 20))


@click.command("demo")
@click.option("--seconds", type=click.FloatRange(min=SHORTEST_S), default=60.0, show_default=True, help="How long.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the digits and the noise.")
@click.option("--drift", type=click.Choice(DRIFTS), default="fouling", show_default=True, help="What goes wrong.")
@click.option("--no-drift", is_flag=True, help="Nothing goes wrong, and nothing should be found.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line at the end; progress goes to stderr.")
@click.option("--state", metavar="DIR", help="Where the evidence is kept; must be empty or an earlier demo's.")
def command(seconds: float, seed: int, drift: str, no_drift: bool, as_json: bool, state: str | None) -> None:  # noqa: FBT001  # click passes flags by name
    """Watch Driftline do its job: a camera reads digits, its lens fouls, and Driftline says so.

    On a terminal the dashboard opens; elsewhere lines say what happens. It starts an agent of its own and a service
    with a real model, and stops both at the end; the evidence stays on disk.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        fail('the demo runs a real model on ONNX Runtime, which is not installed: pip install "driftline[onnx]"')
    source = click.get_current_context().get_parameter_source("drift")
    if no_drift and source is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("--no-drift and --drift exclude each other")

    import msgspec  # noqa: PLC0415  # what follows is not for `--help` to load

    from agent.client import AgentClient  # noqa: PLC0415
    from agent.clock import SystemClock  # noqa: PLC0415
    from agent.commands.demo import place as demo_place  # noqa: PLC0415
    from agent.commands.demo import record as demo_record  # noqa: PLC0415
    from agent.commands.demo import run as demo_run  # noqa: PLC0415
    from agent.commands.demo import view as demo_view  # noqa: PLC0415
    from agent.commands.demo import words as demo_words  # noqa: PLC0415

    def write(line: str) -> None:
        click.echo(line, err=as_json)

    plan = demo_run.Plan(seconds=seconds, seed=seed, drift=None if no_drift else drift, onset=onset_for(seconds))
    on_screen = sys.stdin.isatty() and sys.stdout.isatty() and not as_json
    record = demo_record.Record()
    view = (demo_view.DashboardView if on_screen else demo_view.LineView)(plan, record, write)
    programs = demo_run.Programs(demo_run.agent_command, demo_run.service_command, AgentClient)
    try:
        place = demo_place.claim(state)
    except demo_place.PlaceError as error:
        fail(str(error))
    try:
        demo = demo_run.Demo(plan, place, programs, SystemClock(), record, view)
        asyncio.run(demo.run())
        result = record.result(rss_bytes=demo.cost.rss_bytes, cpu_percent=demo.cost.cpu_percent())
        for line in demo_words.summary(demo, result):
            write(line)
        if as_json:
            click.echo(msgspec.json.encode(result))
    except demo_run.DemoError as error:
        fail(f"{error}\nEverything was stopped. What there is of the evidence is in {place.state}")
    finally:
        place.leave()
