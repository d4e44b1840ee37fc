from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession, CookieJar, web

from agent.commands import web as top_web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KEY = "a-key-of-this-test"


def _served(ask: Callable[[ClientSession, str], Awaitable[None]], command: str = "cat") -> None:
    """Serve on a free port of the loopback, and ask."""
    pytest.importorskip("textual_serve")

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(asyncio.Protocol, top_web.HOST, 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        runner = web.AppRunner(await top_web.make_app(command, port, KEY), handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, top_web.HOST, port).start()
        try:
            async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
                await ask(session, f"http://{top_web.HOST}:{port}")
        finally:
            await runner.cleanup()

    asyncio.run(run())


def test_the_address_with_its_key_opens_the_page_and_what_it_needs() -> None:
    """The key becomes a cookie that no script reads; nothing but this origin may be asked from the page."""

    async def ask(session: ClientSession, origin: str) -> None:
        async with session.get(f"{origin}/", params={"key": KEY}) as answer:
            assert answer.status == 200
            page = await answer.text()
            cookie = answer.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        script = re.search(r'src="([^"]+textual\.js)"', page)
        assert script
        async with session.get(script[1]) as answer:
            assert answer.status == 200

    _served(ask)


@pytest.mark.parametrize(
    ("path", "params", "headers"),
    [
        ("/", {}, {}),
        ("/", {"key": "guessed"}, {}),
        ("/", {"key": KEY}, {"Host": "rebound.example:80"}),
        ("/", {"key": KEY}, {"Origin": "https://elsewhere.example"}),
        ("/ws", {"key": KEY}, {}),
        ("/ws", {}, {"Origin": "https://elsewhere.example", "Cookie": f"driftline-key={KEY}"}),
        ("/static/js/textual.js", {}, {}),
        ("/download/x", {}, {}),
    ],
)
def test_without_the_key_or_from_elsewhere_there_is_nothing(
    path: str, params: dict[str, str], headers: dict[str, str]
) -> None:
    """Another user, another site's page and a name that was made to point here are refused everywhere."""

    async def ask(session: ClientSession, origin: str) -> None:
        async with session.get(f"{origin}{path}", params=params, headers=headers) as answer:
            assert answer.status == 403

    _served(ask)


def test_dashboards_that_may_be_open_at_once_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is told so, and starts no process."""
    monkeypatch.setattr(top_web, "MOST_SESSIONS", 1)

    async def ask(session: ClientSession, origin: str) -> None:
        async with session.get(f"{origin}/", params={"key": KEY}):
            pass
        async with session.ws_connect(f"{origin}/ws"), session.get(f"{origin}/ws") as answer:
            assert answer.status == 503
            assert "1 dashboards are open already" in await answer.text()

    _served(ask)


def test_options_reach_the_command_as_they_were_given() -> None:
    """A directory with a space or a quote is one argument of the command that a window starts."""
    command = top_web.dashboard_command(["--run", "/run/a b'; rm -rf x", "--slow"])
    assert command.endswith("""-P -m agent top --run '/run/a b'"'"'; rm -rf x' --slow""")
