"""`driftline config check`."""

from __future__ import annotations

import click
import msgspec

from agent.cli import EXIT_CONFIG
from agent.commands.options import config_option, fail


@click.group("config")
def command() -> None:
    """Check a configuration file."""


@command.command("check")
@config_option
@click.argument("file", required=False)
def check(config: str | None, file: str | None) -> None:
    """Read the configuration as the agent would; print it with its defaults, or what is wrong with it (exit 78)."""
    from agent.config import ConfigError  # noqa: PLC0415
    from agent.wiring import load_config  # noqa: PLC0415

    try:
        path, settings = load_config(file or config)
    except ConfigError as error:
        fail(str(error), EXIT_CONFIG)
    click.echo(f"# {path}: fine" if path else "# no configuration file: these are the defaults")
    for key, value in msgspec.to_builtins(settings).items():
        if isinstance(value, dict):
            click.echo(f"\n[{key}]")
            for name, entry in value.items():
                click.echo(f"{name} = {_toml(entry)}")
        else:
            click.echo(f"{key} = {_toml(value)}")


def _toml(value: object) -> str:
    return msgspec.json.encode(value).decode()
