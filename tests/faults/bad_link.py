"""A link that does what links do: an HTTP proxy between an exporter and a server, with a fault for each request.

It runs in the event loop of the exporter. A fault is a coroutine function that is given one exchange.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence
    from types import TracebackType

Fault = Callable[["Exchange"], Awaitable[None]]

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNK = 16_384


class Exchange:
    """One request on its way, and its answer."""

    def __init__(self, link: BadLink, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.head = head
        self.link = link
        self._reader = reader
        self._writer = writer
        self._body = b""

    @property
    def length(self) -> int:
        """How long the body is."""
        return length_of(self.head)

    async def body(self, share: float = 1.0) -> bytes:
        """Take in the body, or a part of it."""
        wanted = int(self.length * share)
        while len(self._body) < wanted:
            part = await self._reader.readexactly(min(_CHUNK, wanted - len(self._body)))
            self._body += part
            await self.link.pace(len(part))
        return self._body

    async def carry(self) -> bytes:
        """Deliver the request to every server; return the first one's answer."""
        request = self.head + await self.body()
        answers = await asyncio.gather(*(line.ask(request) for line in self.link.lines))
        self.link.delivered += 1
        return answers[0]

    async def reply(self, answer: bytes) -> None:
        """Answer."""
        self._writer.write(answer)
        await self._writer.drain()
        await self.link.pace(len(answer))

    async def given_up(self, seconds: float | None = None) -> bool:
        """Wait until the other side closes the connection, or for so long; say whether it did."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while await self._reader.read(_CHUNK):
                    pass
                return True
        return False

    def cut(self) -> None:
        """Break the connection off, without a goodbye."""
        self._writer.transport.abort()


class Line:
    """A connection to one server that is kept open."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = asyncio.Lock()
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> bytes:
        """Return the whole answer to a request. A server closes what was idle for long: then it is asked anew."""
        async with self._lock:
            if self._open is not None:
                try:
                    return await self._exchange(*self._open, request)
                except (asyncio.IncompleteReadError, ConnectionError):
                    self.close()
            self._open = await asyncio.open_connection("127.0.0.1", self._port)
            return await self._exchange(*self._open, request)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        return head + await reader.readexactly(length_of(head))

    def close(self) -> None:
        """Close the connection."""
        if self._open is not None:
            self._open[1].close()


class BadLink:
    """A proxy on a loopback port. Use as an asynchronous context manager.

    Parameters
    ----------
    ports
        Of the servers; each request goes to all of them.
    faults
        What happens to the requests, one after the other; after the last, the last goes on. None of them: all is well.
    tls
        With which the proxy shows itself.
    bytes_per_s
        What it carries in a second, both ways together; 0: without limit.

    """

    def __init__(
        self,
        ports: Sequence[int],
        faults: Sequence[Fault] = (),
        tls: ssl.SSLContext | None = None,
        bytes_per_s: float = 0.0,
    ) -> None:
        self.lines = [Line(port) for port in ports]
        self.faults = list(faults)
        self.requests = self.delivered = self.carried_bytes = 0
        self.url = ""
        self._tls = tls
        self._bytes_per_s = bytes_per_s
        self._free_at = 0.0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._tls)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for line in self.lines:
            line.close()

    async def pace(self, count: int) -> None:
        """Take as long as so many bytes take."""
        self.carried_bytes += count
        if self._bytes_per_s:
            now = asyncio.get_running_loop().time()
            self._free_at = max(self._free_at, now) + count / self._bytes_per_s
            await asyncio.sleep(self._free_at - now)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while not writer.is_closing():
                exchange = Exchange(self, await reader.readuntil(b"\r\n\r\n"), reader, writer)
                await self.pace(len(exchange.head))
                self.requests += 1
                await self._next_fault()(exchange)
        except (asyncio.IncompleteReadError, ConnectionError):  # the exporter hung up
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    def _next_fault(self) -> Fault:
        if not self.faults:
            return well
        return self.faults.pop(0) if len(self.faults) > 1 else self.faults[0]


def length_of(head: bytes) -> int:
    """Return the length of the body that follows a head."""
    found = _LENGTH.search(head)
    return int(found[1]) if found else 0


async def well(exchange: Exchange) -> None:
    """Deliver, and answer."""
    await exchange.reply(await exchange.carry())


async def drop_answer(exchange: Exchange) -> None:
    """Deliver, and break off before the answer."""
    await exchange.carry()
    exchange.cut()


async def cut_in_body(exchange: Exchange) -> None:
    """Break off in the middle of the request."""
    await exchange.body(0.5)
    exchange.cut()


async def cut_in_answer(exchange: Exchange) -> None:
    """Deliver, and break off in the middle of the answer."""
    answer = await exchange.carry()
    await exchange.reply(answer[: len(answer) // 2])
    exchange.cut()


async def never_answer(exchange: Exchange) -> None:
    """Deliver, and say nothing for as long as anybody waits."""
    await exchange.carry()
    await exchange.given_up()


async def half_open(exchange: Exchange) -> None:
    """Take in nothing, say nothing: the other side is gone, and nobody was told."""
    await exchange.given_up()


async def drip(exchange: Exchange) -> None:
    """Deliver, and answer a byte a second."""
    for byte in await exchange.carry():
        await exchange.reply(bytes([byte]))
        if await exchange.given_up(1.0):
            break


def answer(status: int, text: str, headers: str = "") -> Fault:
    """Deliver nothing, and answer this."""

    async def fault(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.reply(said(status, text, headers))

    return fault


def refuse(status: int, text: str, *, when: Callable[[bytes], bool]) -> Fault:
    """Answer this to a body of which something holds, and carry all others."""

    async def fault(exchange: Exchange) -> None:
        if when(await exchange.body()):
            await exchange.reply(said(status, text))
        else:
            await well(exchange)

    return fault


def said(status: int, text: str, headers: str = "") -> bytes:
    """Return an answer as it goes over the wire."""
    return f"HTTP/1.1 {status} Said\r\n{headers}Content-Length: {len(text.encode())}\r\n\r\n{text}".encode()
