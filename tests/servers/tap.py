"""A wire with an ear on it: passes bytes to a local port and back, and keeps those that were sent."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Tap:
    """Listens on `port` for what goes to another. Use as an asynchronous context manager."""

    def __init__(self, to: int) -> None:
        self.port = 0
        self.sent = bytearray()
        self._to = to
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", self._to)
        await asyncio.gather(_pass(reader, forth, self.sent), _pass(back, writer, bytearray()))


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray) -> None:
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(65_536):
            kept += part
            writer.write(part)
            await writer.drain()
    writer.close()
