from __future__ import annotations

import asyncio

import pytest

from agent.outbound import Outcome, Parcel
from exporters.forwarding.config import DestinationConfig
from exporters.forwarding.otlp import OtlpExporter
from tests.exporters.forwarding.sink import Sink
from tests.exporters.windows import ORIGIN, make_block, make_change, make_window

BOTH = [Parcel(id="0f3a-f1", content=make_change()), Parcel(id="0f3a-w1", content=make_window([make_block(200)]))]


async def send(url: str) -> Outcome:
    """Send a finding and a window together, as dead letters are."""
    exporter = OtlpExporter(DestinationConfig(name="hq", kind="otlp", url=url), ORIGIN)
    try:
        return await exporter.send(BOTH)
    finally:
        await exporter.close()


@pytest.mark.parametrize("status", [200, 202])
def test_whatever_success_findings_are_answered_with_the_windows_beside_them_go(status: int) -> None:
    """Both are accepted, and both were posted."""
    with Sink() as sink:
        sink.status = status
        outcome = asyncio.run(send(sink.url))
        assert [one.path for one in sink.posted] == ["/v1/logs", "/v1/metrics"]
    assert outcome.accepted == (0, 1)
