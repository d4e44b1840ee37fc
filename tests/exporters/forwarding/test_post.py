from __future__ import annotations

import asyncio
from contextlib import suppress

import aiohttp

from exporters.forwarding.config import DestinationConfig
from exporters.forwarding.post import Answer, Poster, in_words


async def post(pieces: list[bytes], *, begin: bytes = b"HTTP/1.1 500 Internal Server Error") -> tuple[Answer, bytes]:
    """Post to a receiver that answers 500 in pieces; return what was read of it, and the head of the request."""
    heads: list[bytes] = []
    going_on = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        length = sum(map(len, pieces))
        writer.write(begin + b"\r\nContent-Length: %d\r\n\r\n" % length)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            with suppress(TimeoutError):  # a packet of its own
                await asyncio.wait_for(going_on.wait(), 0.05)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}/write?token=secret"
    poster = Poster(DestinationConfig(name="hq", kind="remote-write", url=url))
    async with server:
        answered = await poster.post(url, b"body", {})
        await poster.close()
        going_on.set()
    return answered, heads[0]


def test_an_answer_is_read_whole() -> None:
    """What decides about a sample may be in its second packet; and it comes uncompressed, to be read at all."""
    answered, head = asyncio.run(post([b"write failed: ", b"sample too old"]))
    assert (answered.status, answered.body) == (500, b"write failed: sample too old")
    assert b"\r\nAccept-Encoding: identity\r\n" in head


def test_an_answer_that_is_no_http_is_said_without_the_address() -> None:
    """The words of the library would hold the whole of it, and a key in its query."""
    answered, _ = asyncio.run(post([b"x"], begin=b"220 mail.example ESMTP"))
    assert answered.trouble.startswith("the answer is no HTTP: ")
    assert "secret" not in answered.trouble


def test_an_address_that_cannot_be_used_is_not_repeated() -> None:
    """What is wrong with it is the configuration's, which a person has to mend."""
    words, lasting = in_words(aiohttp.InvalidURL("http://a:b/?token=secret"), 30.0)
    assert (words, lasting) == ("the address cannot be used: correct url", True)


class Silent:
    """A receiver that takes everything in and says nothing."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1_000):
            self.heard.set()
        writer.close()


async def ended(scheme: str) -> Answer:
    """Post to one that says nothing, and break that off as soon as it has heard something."""
    silent = Silent()
    server = await asyncio.start_server(silent.serve, "127.0.0.1", 0)
    url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    poster = Poster(DestinationConfig(name="hq", kind="otlp", url=url))
    async with server:
        posting = asyncio.create_task(poster.post(url, b"body", {}))
        await silent.heard.wait()
        await poster.close()
        answered = await posting
        await poster.close()
    return answered


def test_a_request_that_is_broken_off_is_said_to_have_left() -> None:
    """It comes back at once, long before its deadline, with what went over the wire."""
    answered = asyncio.run(ended("http"))
    assert (answered.status, answered.sent_bytes > 0, answered.lasting) == (0, True, False)


def test_nothing_was_sent_where_no_connection_came_about() -> None:
    """The greeting of TLS holds nothing of what was to be sent."""
    answered = asyncio.run(ended("https"))
    assert (answered.status, answered.sent_bytes) == (0, 0)
