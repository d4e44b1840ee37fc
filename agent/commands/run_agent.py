"""`driftline agent`."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

import click

from agent.cli import EXIT_CONFIG
from agent.clock import SystemClock
from agent.commands.options import config_option, fail, run_option, state_option


@click.command("agent")
@state_option
@run_option
@config_option
def command(state: str | None, run: str | None, config: str | None) -> None:
    """Run the agent on this device, in the foreground, until SIGTERM or Ctrl-C.

    It needs no configuration. Models that are watched with `driftline.watch` in any process that may write to the run
    directory are found by themselves.
    """
    clock = SystemClock()
    started = clock.monotonic_ns()
    from agent import wiring  # noqa: PLC0415  # loads duckdb and numpy, which `--help` does not need
    from agent.api import SocketTakenError, claim_socket  # noqa: PLC0415
    from agent.config import ConfigError  # noqa: PLC0415
    from agent.daemon import Daemon  # noqa: PLC0415
    from agent.paths import PathError, claim_run_directories, state_directory  # noqa: PLC0415

    os.umask(0o007)  # what the agent makes is for its user and its group
    try:
        path, settings = wiring.load_config(config)
        run_dirs = claim_run_directories(run)
        state_dir, opened = state_directory(state), None
        while True:
            listener = claim_socket(run_dirs[0])
            socket = Path(listener.getsockname())
            try:
                parts = wiring.build(settings, state_dir, run_dirs, path, clock, opened)
                opened = asyncio.run(Daemon(parts, listener, started).run())
            finally:
                listener.close()
                with contextlib.suppress(FileNotFoundError):
                    socket.unlink()
            if opened is None:
                break
            started = clock.monotonic_ns()
    except (ConfigError, PathError, SocketTakenError, wiring.StateError) as error:
        fail(str(error), EXIT_CONFIG)
