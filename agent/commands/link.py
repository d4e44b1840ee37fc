"""`driftline link test`: sends a summary to each destination, and says in words what came back."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import click

from agent.commands.options import client, config_option, fail, run_option
from agent.ports import AgentAwayError, AgentRefusedError

if TYPE_CHECKING:
    from agent.forwarded import LinkResult


@click.group("link")
def command() -> None:
    """Try the ways to the destinations."""


@command.command("test")
@click.argument("name", required=False, default="")
@run_option
@config_option
def test(name: str, run: str | None, config: str | None) -> None:
    """Send the newest summary to destination NAME, or to each, and say what came back. Exits 1 where one failed.

    Where no summary is there yet, or no agent is running, a small true one is sent: how long the device has been up.
    """
    try:
        results = _without_agent(name, config) if config else client(run).test_link(name)
    except AgentAwayError as error:
        click.echo(f"driftline: {error}; trying from here, by the configuration, as this user", err=True)
        results = _without_agent(name, None)
    except AgentRefusedError as error:
        fail(str(error))
    except KeyError as error:
        fail(str(error.args[0]))
    from tui.forwarding_lines import render_links  # noqa: PLC0415

    if not results:
        fail("no destination is configured: add a [[destination]] table (docs/forwarding.md)")
    click.echo(render_links(results, shutil.get_terminal_size((80, 24)).columns))
    if not all(result.ok for result in results):
        raise SystemExit(1)


def _without_agent(name: str, config: str | None) -> list[LinkResult]:
    """Try from this process; what it sends is a test summary, and in no ledger."""
    import asyncio  # noqa: PLC0415

    from agent.clock import SystemClock  # noqa: PLC0415
    from agent.config import ConfigError  # noqa: PLC0415
    from agent.wiring import load_config, make_origin  # noqa: PLC0415  # loads duckdb and numpy
    from exporters.forwarding.trial import try_link  # noqa: PLC0415

    try:
        _, settings = load_config(config)
    except ConfigError as error:
        fail(str(error), 78)
    chosen = [one for one in settings.destination if name in {"", one.name}]
    if name and not chosen:
        known = ", ".join(one.name for one in settings.destination) or "there is none"
        fail(f"no destination is called {name!r}: {known}")
    origin, clock = make_origin(settings, "link-test"), SystemClock()

    async def tried() -> list[LinkResult]:
        found = await asyncio.gather(*(try_link(one, origin, (), clock) for one in chosen))
        return [result for result, _ in found]

    return asyncio.run(tried())
