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
    """Send a finding and a window together, as findings and what stands after them are."""
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


def test_a_path_that_refuses_everything_is_not_believed_because_the_other_takes_something() -> None:
    """Findings wait where /v1/logs is refused, and windows beside them with them: none is given up."""
    with Sink() as sink:
        sink.refused = "/v1/logs"
        outcome = asyncio.run(send(sink.url))
        assert (outcome.rejected, outcome.retry, outcome.lasting) == ({}, (0, 1), True)
        assert list(outcome.doubted) == [0]
        sink.refused = "/v1/metrics"
        outcome = asyncio.run(send(sink.url))
        assert (outcome.accepted, outcome.rejected, outcome.retry) == ((0,), {}, (1,))
        assert list(outcome.doubted) == [1]
