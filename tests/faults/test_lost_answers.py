"""Windows arrive and their acknowledgements do not: all is sent again, and nothing counts twice."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest

from exporters.forwarding.config import DestinationConfig
from exporters.forwarding.remote_write import RemoteWriteExporter
from tests.faults.bad_link import BadLink, Fault, drop_answer, well
from tests.faults.counts import scaled
from tests.faults.sent_minutes import SLOT_NS, SentMinutes
from tests.servers.prometheus import receiving_prometheus
from tests.servers.series import differences
from tests.servers.victoria import TOLERANCE, running_victoria

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.faults
LOST = scaled(100, 50)  # answers, in all
EACH = 4  # of one batch on average


async def send_all(queue: SentMinutes, ports: list[int]) -> int:
    """Send window after window, now and then a backlog, over a link that loses answers; return what it delivered."""
    lots, faults = random.Random(20), list[Fault]()
    for _ in range(LOST):
        faults += [drop_answer] if lots.random() < 1 - 1 / EACH else [well, drop_answer]
    async with BadLink(ports, [*faults, well]) as link:
        config = DestinationConfig(name="fleet", kind="remote-write", url=f"{link.url}/api/v1/write")
        exporter = RemoteWriteExporter(config, queue.origin)
        while len(link.faults) > 1:
            queue.let_pass(30 if lots.random() < 0.01 else 1)
            while (outcome := await queue.send_next(exporter, 1)) is not None:
                assert bool(outcome.retry) == bool(outcome.trouble)
        await exporter.close()
        return link.delivered


def test_lost_answers_count_nothing_twice_and_lose_nothing(tmp_path: Path) -> None:
    """Prometheus and VictoriaMetrics hold each sample once, with the totals of the minutes, and nothing waits."""
    queue = SentMinutes(LOST // 2 + 50, each=1)
    (tmp_path / "prometheus").mkdir()
    with receiving_prometheus(tmp_path / "prometheus") as prometheus, running_victoria(tmp_path) as victoria:
        ports = [int(server.url.rpartition(":")[2]) for server in (prometheus, victoria)]
        delivered = asyncio.run(send_all(queue, ports))
        assert delivered == LOST + len(queue.minutes)
        assert queue.waiting() == 0
        expected, span = queue.expected(), (queue.start_ns, queue.time_ns + SLOT_NS)
        assert differences(prometheus.series(*span), expected) == []
        assert differences(victoria.series(*span), expected, TOLERANCE) == []
