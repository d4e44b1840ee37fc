"""The exporter for Prometheus remote write. Conforms to `agent.outbound_ports.Exporter`."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

from exporters.forwarding.allowed import samples_that_may_leave
from exporters.forwarding.judging import Doubt, deliver
from exporters.forwarding.over_http import HttpExporter
from exporters.forwarding.post import Answer
from exporters.remote_write import HEADERS, encode_samples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.outbound import Origin, Outcome, Parcel
    from exporters.forwarding.config import DestinationConfig


class RemoteWriteExporter(HttpExporter):
    """Sends to one receiver of remote write 1.0: Prometheus, VictoriaMetrics, Mimir and their like."""

    def __init__(self, config: DestinationConfig, origin: Origin) -> None:
        super().__init__(config, origin)
        self._doubt = Doubt()

    async def send(self, parcels: Sequence[Parcel]) -> Outcome:
        """Post windows, and say what became of each."""
        return await deliver(parcels, self._post, self._doubt, self._config.timeout_seconds)

    async def _post(self, parcels: Sequence[Parcel]) -> Answer:
        body, fields = await asyncio.to_thread(self._encode, parcels)  # takes a second for an hour of many signals
        if not body:
            return Answer(204)
        return dataclasses.replace(await self._poster.post(self._config.url, body, HEADERS), fields=fields)

    def _encode(self, parcels: Sequence[Parcel]) -> tuple[bytes, frozenset[str]]:
        """Return the body, empty where nothing may leave, and the names of what is in it."""
        samples = samples_that_may_leave(self._config, self._origin, parcels)
        return (encode_samples(samples) if samples else b""), frozenset(sample.metric.name for sample in samples)
