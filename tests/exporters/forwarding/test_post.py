from __future__ import annotations

import asyncio
from contextlib import suppress

from exporters.forwarding.config import DestinationConfig
from exporters.forwarding.post import Answer, Poster


async def post(pieces: list[bytes]) -> tuple[Answer, bytes]:
    """Post to a receiver that answers 500 in pieces; return what was read of it, and the head of the request."""
    heads: list[bytes] = []
    going_on = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        length = sum(map(len, pieces))
        writer.write(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: %d\r\n\r\n" % length)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            with suppress(TimeoutError):  # a packet of its own
                await asyncio.wait_for(going_on.wait(), 0.05)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    poster = Poster(DestinationConfig(name="hq", kind="remote-write", url=f"http://127.0.0.1:{port}/write"))
    async with server:
        answered = await poster.post(f"http://127.0.0.1:{port}/write", b"body", {})
        await poster.close()
        going_on.set()
    return answered, heads[0]


def test_an_answer_is_read_whole() -> None:
    """What decides about a sample may be in its second packet; and it comes uncompressed, to be read at all."""
    answered, head = asyncio.run(post([b"write failed: ", b"sample too old"]))
    assert (answered.status, answered.body) == (500, b"write failed: sample too old")
    assert b"\r\nAccept-Encoding: identity\r\n" in head
