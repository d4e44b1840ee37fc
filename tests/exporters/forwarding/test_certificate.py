"""What is said of a certificate that is refused."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING

import pytest

from exporters.forwarding import post as post_module
from exporters.forwarding.certificate import validity
from exporters.forwarding.config import DestinationConfig
from exporters.forwarding.post import Answer, Poster
from tests.exporters.forwarding.sink import Sink
from tests.servers.certificates import Authority

if TYPE_CHECKING:
    from pathlib import Path


def post(authority: Path, sink: Sink) -> Answer:
    """Post something to a server by what an authority vouches for."""

    async def posted() -> Answer:
        poster = Poster(DestinationConfig(name="hq", kind="otlp", url=sink.url, ca_file=str(authority)))
        try:
            return await poster.post(sink.url, b"figures", {})
        finally:
            await poster.close()

    return asyncio.run(posted())


@pytest.mark.parametrize("ends_in_days", [-1, 5])
def test_an_expired_certificate_is_refused_with_its_date(tmp_path: Path, ends_in_days: int) -> None:
    """The words name the day on which it ran out, and nothing was sent; a good one is taken."""
    authority = Authority(tmp_path)
    with Sink(authority.server(ends_in_days=ends_in_days)) as sink:
        answer = post(authority.file, sink)
    day = dt.datetime.now(dt.UTC) + dt.timedelta(days=ends_in_days)
    if ends_in_days > 0:
        assert (answer.status, len(sink.posted)) == (200, 1)
        return
    assert answer.trouble.startswith(
        f"the certificate of 127.0.0.1 is refused: certificate has expired (it was valid until {day:%Y-%m-%d} "
    )
    assert (answer.status, answer.lasting, answer.sent_bytes, sink.posted) == (0, True, 0, [])


def test_a_certificate_of_somebody_else_is_refused_without_a_date(tmp_path: Path) -> None:
    """When it is valid does not matter then."""
    authority = Authority(tmp_path)
    with Sink(authority.server("10.1.2.3")) as sink:
        answer = post(authority.file, sink)
    assert "127.0.0.1 is refused: IP address mismatch" in answer.trouble
    assert "valid" not in answer.trouble.replace("not valid for", "")
    assert answer.lasting


def test_the_date_of_a_certificate_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every attempt says it, and makes one handshake."""
    looks: list[str] = []

    async def counted(host: str, port: int, error: object, timeout_s: float) -> str:
        looks.append(host)
        return await validity(host, port, error, timeout_s)

    monkeypatch.setattr(post_module, "validity", counted)
    authority = Authority(tmp_path)

    async def tried(url: str) -> list[str]:
        poster = Poster(DestinationConfig(name="hq", kind="otlp", url=url, ca_file=str(authority.file)))
        return [(await poster.post(url, b"figures", {})).trouble for _ in range(3)]

    with Sink(authority.server(ends_in_days=-1)) as sink:
        said = asyncio.run(tried(sink.url))
    assert len(set(said)) == len(looks) == 1
    assert "it was valid until" in said[0]
