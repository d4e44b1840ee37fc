"""The HTTP endpoint that Prometheus scrapes, on loopback unless told otherwise.

It asks for the status and writes a page of it; a failure there is answered with 500 and goes no further.
"""

from __future__ import annotations

import errno
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import msgspec
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from agent.status import Status
    from exporters.prometheus import PrometheusPage

    Snapshot = Callable[[], Awaitable[Status | None]]

DEFAULT_PORT = 9637
PORTS_TRIED = 20
MOST_PORT = 65_535
SHUTDOWN_SECONDS = 1.0  # a scraper that hangs must not hold up the agent's end

log = logging.getLogger(__name__)


class ScrapeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[scrape]`: the page that Prometheus reads."""

    enabled: bool = True
    host: str = "127.0.0.1"  # the page needs no password, so others on the network see it only where that is wanted
    port: Annotated[int, msgspec.Meta(ge=0, le=MOST_PORT)] = DEFAULT_PORT  # the first of PORTS_TRIED; 0: any


@dataclass(frozen=True, slots=True)
class ScrapeServer:
    """A running endpoint. `url` is that of the metrics; `taken` the port that was asked for and not had, 0: none."""

    url: str
    taken: int
    _runner: web.AppRunner

    async def close(self) -> None:
        """Stop answering and give the port back. May be called twice."""
        await self._runner.cleanup()


async def start_scrape(
    page: PrometheusPage, snapshot: Snapshot, host: str = "127.0.0.1", port: int = DEFAULT_PORT
) -> ScrapeServer:
    """Serve `page` at `http://host:port/metrics`, on the next free port where that one is taken.

    Parameters
    ----------
    page
        What is served.
    snapshot
        Gives the status for a page, or None while there is none.
    host
        Address to listen on; the page needs no password, so think before it is not loopback.
    port
        First port to try, of PORTS_TRIED; 0 lets the system choose.

    Raises
    ------
    OSError
        Where no port can be had; the message names the first and the last that were tried.

    """
    app = web.Application()
    app.router.add_get("/metrics", _metrics(page, snapshot), allow_head=False)
    app.router.add_get("/", _about, allow_head=False)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    last = min(port + PORTS_TRIED - 1, MOST_PORT) if port else 0
    for candidate in range(port, last + 1):
        site = web.TCPSite(runner, host, candidate)
        try:
            await site.start()
        except OSError as error:
            if error.errno == errno.EADDRINUSE and candidate < last:
                continue
            await runner.cleanup()
            raise OSError(
                error.errno, f"cannot serve metrics on {host}, ports {port} to {candidate}: {error.strerror}"
            ) from error
        break
    bound = runner.addresses[0][1]
    shown = f"[{host}]" if ":" in host else host
    return ScrapeServer(f"http://{shown}:{bound}/metrics", port if port not in {0, bound} else 0, runner)


def _metrics(page: PrometheusPage, snapshot: Snapshot) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        try:
            body, content_type = page.render(await snapshot(), request.headers.get("Accept", ""))
        except Exception as error:  # the scraper is told; the agent goes on
            log.exception("the metrics page could not be written")
            return web.Response(status=500, text=f"the metrics page could not be written: {error!r}\n")
        return web.Response(body=body, headers={"Content-Type": content_type})

    return answer


async def _about(_: web.Request) -> web.Response:
    return web.Response(text="Driftline agent. Metrics for Prometheus: /metrics\n")
