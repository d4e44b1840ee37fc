"""Exports of the running agent: one at a time, and none for a client that has left."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec
import pytest
from aiohttp import ClientSession, ClientTimeout, UnixConnector, web

from agent import extract_api, framed_answers
from agent.buffer import exporting
from agent.buffer.asking import Asking
from agent.buffer.exporting import Exporting
from agent.buffer.sharing import Sharing
from agent.extract_api import ExtractRequest
from agent.frames import Verdict
from tests.agent.buffer.blocks import make_block, opened
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(not Sharing.possible(), reason="needs /proc")

ENDLESS = ExtractRequest(
    form="csv",
    sql="SELECT sum(sin(range)) FROM range(1000000000000)",
    time_limit_s=3_600.0,
)
SHORT = ExtractRequest(form="csv", sql="SELECT count(*) AS n FROM inferences", time_limit_s=60.0)


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    """Who asks a buffer of five rows."""
    with opened(tmp_path / "state") as buffer:
        buffer.append([make_block(5)], [])
        buffer.commit()
        asking = Asking(buffer)
        yield asking
        asking.close()


async def _answer(exports: Exporting, request: ExtractRequest) -> tuple[bytes, Verdict | None]:
    answer, verdict = b"", None
    async with aclosing(exports.extract(request)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Verdict):
                verdict = piece
            else:
                answer += piece
    return answer, verdict


async def _is_asked(asking: Asking) -> None:
    await asyncio.to_thread(wait_until, lambda: bool(asking._running), "the export runs")


def test_one_that_is_given_up_makes_room_for_the_next(asking: Asking) -> None:
    """Its process is killed while the thread waits for it; hours of its time are left."""

    async def go() -> tuple[bytes, Verdict | None]:
        exports = Exporting(asking)
        endless = asyncio.ensure_future(_answer(exports, ENDLESS))
        await _is_asked(asking)
        endless.cancel()
        async with asyncio.timeout(60):
            return await _answer(exports, SHORT)

    assert asyncio.run(go()) == (b"n\n5\n", Verdict(rows=1))


def test_a_second_one_waits_and_then_is_told(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never are two processes there at once."""
    monkeypatch.setattr(exporting, "TURN_S", 0.1)

    async def go() -> tuple[Verdict | None, int]:
        exports = Exporting(asking)
        endless = asyncio.ensure_future(_answer(exports, ENDLESS))
        await _is_asked(asking)
        (_, said), running = await _answer(exports, SHORT), len(asking._running)
        endless.cancel()
        await asyncio.wait({endless})
        return said, running

    verdict, running = asyncio.run(go())
    assert verdict
    assert ("another export is running" in verdict.error, running) == (True, 1)


def test_a_client_that_leaves_ends_its_export(asking: Asking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though nothing was to be sent to it, its leaving is seen."""
    monkeypatch.setattr(framed_answers, "LOOK_EVERY_S", 0.05)
    path = str(tmp_path / "socket")

    async def go() -> int:
        application = web.Application()
        application.add_routes(extract_api.extract_routes(Exporting(asking)))
        runner = web.AppRunner(application)
        await runner.setup()
        await web.UnixSite(runner, path).start()
        body = msgspec.json.encode(ENDLESS)
        async with ClientSession(connector=UnixConnector(path), timeout=ClientTimeout(total=60)) as session:
            await session.post("http://driftline/v1/extract", data=body)  # its header comes at once
            await _is_asked(asking)
        await asyncio.to_thread(wait_until, lambda: not asking._running, "the export has ended")
        await runner.cleanup()
        return len(asking._running)

    assert asyncio.run(go()) == 0


def test_after_the_end_nothing_is_begun(asking: Asking) -> None:
    """A question that comes while the agent stops keeps nobody waiting."""
    asking.close()
    assert list(asking.stream("csv", sql=ENDLESS.sql, time_limit_s=3_600.0)) == [Verdict(error="the agent is stopping")]
