"""`driftline top --web`: the dashboard in a browser on this machine, by textual-serve (the extra `web`).

Loopback only, and for the one who started it only: the address has a key, which becomes a cookie; a page of another
site that the same browser shows, or a name that was made to point here, gets nothing. Nothing is loaded from elsewhere.
"""

from __future__ import annotations

import hmac
import secrets
import shlex
import sys
from typing import TYPE_CHECKING

import click
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HOST, PORT = "127.0.0.1", 8637
MOST_SESSIONS = 4  # each is a dashboard in a process of its own
_COOKIE = "driftline-key"
_NEEDED = "--web needs the extra `web`: pip install 'driftline[web]'"


class MissingExtraError(Exception):
    """textual-serve is not installed."""


class Guard:
    """Lets those in who have the key, from this origin, and not too many at a time.

    Parameters
    ----------
    port, key
        Where the server listens, and the secret of its address.

    """

    def __init__(self, port: int, key: str) -> None:
        self.origin = f"http://{HOST}:{port}"
        self._key = key
        self._sessions = 0
        # The page's own style and script are in it; the font that it would fetch is refused at once.
        self._policy = (
            f"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
            f"img-src 'self' data:; connect-src {self.origin} ws://{HOST}:{port}; frame-ancestors 'none'"
        )

    @web.middleware
    async def handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check a request, and add what the browser must know."""
        self._check(request)
        if request.path == "/ws":
            return await self._session(request, handler)
        response = await handler(request)
        if not response.prepared:
            response.headers["Content-Security-Policy"] = self._policy
            response.headers["Referrer-Policy"] = "no-referrer"
            response.set_cookie(_COOKIE, self._key, httponly=True, samesite="Strict")
        return response

    def _check(self, request: web.Request) -> None:
        if f"http://{request.host}" != self.origin:  # a name that was made to point here
            raise web.HTTPForbidden(text=f"this is {self.origin} alone\n")
        if request.headers.get("Origin", self.origin) != self.origin:
            raise web.HTTPForbidden(text="asked for by a page of another site\n")
        told = request.cookies.get(_COOKIE, "") or (request.query.get("key", "") if request.path == "/" else "")
        if not hmac.compare_digest(told.encode(), self._key.encode()):
            raise web.HTTPForbidden(text="the key is missing: open the address that driftline top --web printed\n")

    async def _session(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._sessions >= MOST_SESSIONS:
            raise web.HTTPServiceUnavailable(text=f"{MOST_SESSIONS} dashboards are open already\n")
        self._sessions += 1
        try:
            return await handler(request)
        finally:
            self._sessions -= 1


def dashboard_command(options: list[str]) -> str:
    """Give the command that each browser window starts; the current directory can hide no module of ours."""
    return shlex.join([sys.executable, "-P", "-m", "agent", "top", *options])


async def make_app(command: str, port: int, key: str) -> web.Application:
    """Make the server's application. Raises MissingExtraError."""
    try:
        from textual_serve.server import Server  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise MissingExtraError(_NEEDED) from error
    guard = Guard(port, key)
    server = Server(command, host=HOST, port=port, title="driftline top", public_url=guard.origin)
    app: web.Application = await server._make_app()  # noqa: SLF001  # its `serve` takes no check of ours
    app.on_startup.clear()  # a logo
    app.middlewares.append(guard.handle)
    return app


def serve(options: list[str], port: int) -> None:
    """Serve until Ctrl-C. Raises MissingExtraError, OSError where the port is taken."""
    key = secrets.token_urlsafe(24)
    click.echo(f"the dashboard: http://{HOST}:{port}/?key={key}\nCtrl-C ends it")
    web.run_app(make_app(dashboard_command(options), port, key), host=HOST, port=port, print=None, access_log=None)
