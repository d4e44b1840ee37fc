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
            _table(f"[{key}]", value)
        elif not isinstance(value, (list, tuple)):
            click.echo(f"{key} = {_toml(value)}")
        for table in value if isinstance(value, (list, tuple)) else ():
            _table(f"[[{key}]]", table)


def _table(header: str, entries: dict[str, object]) -> None:
    click.echo(f"\n{header}")
    for name, entry in entries.items():
        # TOML has no word for what is not set.
        click.echo(f"# {name} is not set" if entry is None else f"{name} = {_toml(entry)}")


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return (
            "{ " + ", ".join(f"{name} = {_toml(entry)}" for name, entry in value.items() if entry is not None) + " }"
            if value
            else "{}"
        )
    return msgspec.json.encode(value).decode()
