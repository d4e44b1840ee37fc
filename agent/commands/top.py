"""`driftline top`."""

from __future__ import annotations

import contextlib
import ctypes

import click

from agent.commands.options import client, fail, run_option

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of malloc.h
_LARGE_BYTES = 128 << 10  # where it begins
_ARENA_MAX = -8


@click.command("top")
@run_option
@click.option("--interval", default=1.0, show_default=True, metavar="SECONDS", help="How often to ask the agent.")
@click.option("--slow", is_flag=True, help="For a slow line: ask every five seconds, sixteen colours.")
@click.option("--web", is_flag=True, help="In a browser on this machine (needs the extra `web`).")
@click.option("--port", default=8637, show_default=True, metavar="PORT", help="With --web: where to listen.")
def command(run: str | None, interval: float, slow: bool, web: bool, port: int) -> None:  # noqa: FBT001  # click passes flags by name
    """Open the dashboard. It waits for the agent where none is running, and finds it again after a restart."""
    if web:
        _serve([*(["--run", run] if run else []), "--interval", str(interval), *(["--slow"] if slow else [])], port)
        return
    from tui.app import Dashboard  # noqa: PLC0415  # textual takes a fifth of a second to load

    _give_back_large_blocks()
    Dashboard(client(run), interval_seconds=interval, slow=slow).run()


def _give_back_large_blocks() -> None:
    """Have answers of megabytes go back to the system once they are read.

    The GNU C library raises this threshold to the size of what is freed, and keeps the like in its heap from then on;
    and of that it has one for every thread that asks the agent.
    """
    with contextlib.suppress(OSError, AttributeError):  # another C library has no such setting
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        library.mallopt(_ARENA_MAX, 1)


def _serve(options: list[str], port: int) -> None:
    from agent.commands.web import MissingExtraError, serve  # noqa: PLC0415  # loads aiohttp

    try:
        serve(options, port)
    except MissingExtraError as error:
        fail(str(error), 2)
    except OSError as error:
        fail(f"cannot listen on port {port}: {error.strerror or error}; --port takes another")
