"""`driftline completion SHELL`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script; for bash: `driftline completion bash >> ~/.bash_completion`."""
    from agent.cli import group  # noqa: PLC0415  # the group loads this module

    completion = get_completion_class(shell)
    assert completion is not None
    click.echo(completion(group, {}, "driftline", "_DRIFTLINE_COMPLETE").source())
