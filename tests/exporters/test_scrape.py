import asyncio
import socket
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from agent.status import Status
from exporters.prometheus import PrometheusPage
from exporters.scrape import PORTS_TRIED, ScrapeServer, start_scrape
from tests.exporters.statuses import make_status


async def usual() -> Status:
    """Give a status, as an agent does."""
    return make_status()


def serving(
    use: Callable[[ScrapeServer, aiohttp.ClientSession], Awaitable[None]],
    snapshot: Callable[[], Awaitable[Status | None]] | None = None,
) -> None:
    """Run `use` against a page that is served on a free port."""

    async def run() -> None:
        server = await start_scrape(PrometheusPage(), snapshot or usual, port=0)
        try:
            async with aiohttp.ClientSession() as session:
                await use(server, session)
        finally:
            await server.close()

    asyncio.run(run())


def test_metrics_are_served_over_http() -> None:
    """A GET of the URL that the server names returns the page with its content type."""

    async def use(server: ScrapeServer, session: aiohttp.ClientSession) -> None:
        async with session.get(server.url) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            assert "driftline_inferences_total{" in await answer.text()

    serving(use)


def test_the_root_says_where_the_metrics_are() -> None:
    """Whoever opens the port in a browser is told where to look."""

    async def use(server: ScrapeServer, session: aiohttp.ClientSession) -> None:
        async with session.get(server.url.removesuffix("metrics")) as answer:
            assert (answer.status, await answer.text()) == (200, "Driftline agent. Metrics for Prometheus: /metrics\n")

    serving(use)


@pytest.mark.parametrize(("method", "status"), [("POST", 405), ("DELETE", 405), ("HEAD", 405)])
def test_only_get_is_answered(method: str, status: int) -> None:
    """Nothing can be changed through the endpoint."""

    async def use(server: ScrapeServer, session: aiohttp.ClientSession) -> None:
        async with session.request(method, server.url) as answer:
            assert answer.status == status

    serving(use)


def test_a_page_that_fails_is_a_500_and_the_next_one_is_served() -> None:
    """An error while rendering is told to the scraper, and hurts nothing else."""
    broken = True

    async def snapshot() -> Status | None:
        if broken:
            raise RuntimeError("no status today")
        return make_status()

    async def use(server: ScrapeServer, session: aiohttp.ClientSession) -> None:
        nonlocal broken
        async with session.get(server.url) as answer:
            assert answer.status == 500
            assert "no status today" in await answer.text()
        broken = False
        async with session.get(server.url) as answer:
            assert answer.status == 200

    serving(use, snapshot)


def test_a_taken_port_moves_the_endpoint_to_the_next_free_one() -> None:
    """A second agent on the same machine gets a port of its own, and says which."""

    async def run() -> tuple[str, str, bool]:
        page = PrometheusPage()
        first = await start_scrape(page, usual, port=0)
        port = int(first.url.split(":")[2].split("/")[0])
        second = await start_scrape(page, usual, port=port)
        await first.close()
        await second.close()
        return first.url, second.url, (first.taken, second.taken) == (0, port)

    first, second, told = asyncio.run(run())
    assert told
    ports = [int(url.split(":")[2].split("/")[0]) for url in (first, second)]
    assert 0 < ports[1] - ports[0] < PORTS_TRIED


def test_an_address_that_is_not_ours_is_an_error_that_names_it() -> None:
    """The message says what could not be had; nothing is left running."""

    async def run() -> None:
        await start_scrape(PrometheusPage(), usual, host="192.0.2.1", port=9637)

    with pytest.raises(OSError, match=r"192\.0\.2\.1, ports 9637"):
        asyncio.run(run())


def test_closing_gives_the_port_back() -> None:
    """After close the port can be bound again, and a second close is harmless."""

    async def run() -> int:
        server = await start_scrape(PrometheusPage(), usual, port=0)
        await server.close()
        await server.close()
        return int(server.url.split(":")[2].split("/")[0])

    port = asyncio.run(run())
    with socket.create_server(("127.0.0.1", port)) as again:
        assert again.getsockname()[1] == port
