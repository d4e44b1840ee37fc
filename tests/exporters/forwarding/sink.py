"""A receiver of HTTP in a thread: keeps what was posted, and answers what it is told to."""

from __future__ import annotations

import asyncio
import gzip
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from aiohttp import web

if TYPE_CHECKING:
    import ssl


@dataclass(frozen=True)
class Posted:
    """One request, its body without compression."""

    path: str
    headers: dict[str, str]
    body: bytes


class Sink:
    """Use as a context manager. `status` is what it answers, except at the path that it refuses."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.status = 200
        self.refused = ""  # a path that is answered 400
        self.posted: list[Posted] = []
        self.url = ""
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        self.url = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_error: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def to(self, path: str) -> list[Posted]:
        """Return what was posted to a path."""
        return [one for one in self.posted if one.path == path]

    async def _start(self) -> str:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/{path:.*}", self._take)
        self._runner = web.AppRunner(app, auto_decompress=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls).start()
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.posted.append(Posted(request.path, dict(request.headers), body))
        return web.Response(status=400 if request.path == self.refused else self.status)
