"""`driftline agent`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path

import click

from agent.cli import EXIT_CONFIG, EXIT_FAILURE
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
    from agent import handover, wiring  # noqa: PLC0415  # they load duckdb and numpy, which `--help` does not need
    from agent.api import SocketTakenError, claim_socket  # noqa: PLC0415
    from agent.config import ConfigError  # noqa: PLC0415
    from agent.daemon import Daemon  # noqa: PLC0415
    from agent.paths import PathError, claim_run_directories, state_directory  # noqa: PLC0415

    os.umask(0o007)  # what the agent makes is for its user and its group
    try:
        path, settings = wiring.load_config(config)
        run_dirs = claim_run_directories(run)
        listener = claim_socket(run_dirs[0])
    except (ConfigError, PathError, SocketTakenError) as error:
        fail(str(error), EXIT_CONFIG)
    socket = Path(listener.getsockname())
    try:
        parts = wiring.build(settings, state_directory(state), run_dirs, path, clock, handover.take())
        daemon = Daemon(parts, listener, started)
        asyncio.run(daemon.run())
    except wiring.StateError as error:
        fail(str(error), EXIT_CONFIG)
    finally:
        listener.close()
        with contextlib.suppress(FileNotFoundError):
            socket.unlink()
    if daemon.handover is not None:
        handover.leave(daemon.handover, run_dirs[0])
        try:
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  # no shell is wanted
        except OSError as error:
            fail(f"the agent has ended to begin anew, and cannot: {error}", EXIT_FAILURE)
