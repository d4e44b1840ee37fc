"""The exporter for OTLP over HTTP: metrics to /v1/metrics, findings to /v1/logs, protobuf in gzip.

https://opentelemetry.io/docs/specs/otlp/#otlphttp. A partial success says how many points a receiver left out and not
which, so what it is said of is halved like a refusal until a parcel stands alone; posting again is harmless, because
all are totals and levels with their own times. Conforms to `agent.outbound_ports.Exporter`.
"""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from agent.outbound import FindingChange, Outcome
from exporters.forwarding.allowed import changes_that_may_leave, samples_that_may_leave
from exporters.forwarding.config import FINDINGS_FIELD
from exporters.forwarding.judging import Doubt, deliver
from exporters.forwarding.over_http import HttpExporter
from exporters.forwarding.post import Answer
from exporters.otlp import encode_findings, encode_samples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.outbound import Origin, Parcel
    from exporters.forwarding.config import DestinationConfig

_HEADERS = {"Content-Type": "application/x-protobuf"}
_OK = 200
_PARTIAL = 422  # what a partial success counts as: refused


class OtlpExporter(HttpExporter):
    """Sends to one receiver of OTLP."""

    def __init__(self, config: DestinationConfig, origin: Origin) -> None:
        super().__init__(config, origin)
        self._base = config.url.rstrip("/")
        self._doubts = {"/v1/logs": Doubt(), "/v1/metrics": Doubt()}

    async def send(self, parcels: Sequence[Parcel]) -> Outcome:
        """Post findings, then windows, and say what became of each.

        Each way by itself: that one takes something says nothing of the other. After a trouble the rest has to wait.
        """
        done = Outcome()
        for path, post, of_findings in (("/v1/logs", self._post_findings, True), ("/v1/metrics", self._post, False)):
            places = [at for at, one in enumerate(parcels) if isinstance(one.content, FindingChange) is of_findings]
            if done.trouble:
                found = Outcome(retry=tuple(range(len(places))))
            else:
                own = [parcels[at] for at in places]
                found = await deliver(own, post, self._doubts[path], self._config.timeout_seconds)
            done = _joined(done, found, places)
        return done

    async def _post_findings(self, parcels: Sequence[Parcel]) -> Answer:
        changes = list(changes_that_may_leave(self._config, parcels))
        if not changes:
            return Answer(_OK)
        return await self._put("/v1/logs", encode_findings(self._origin, changes), frozenset({FINDINGS_FIELD}))

    async def _post(self, parcels: Sequence[Parcel]) -> Answer:
        body, fields = await asyncio.to_thread(self._encode, parcels)  # takes a second for an hour of many signals
        return await self._put("/v1/metrics", body, fields) if body else Answer(_OK)

    def _encode(self, parcels: Sequence[Parcel]) -> tuple[bytes, frozenset[str]]:
        """Return the body for the windows among the parcels, empty where nothing may leave, and what is in it."""
        samples = samples_that_may_leave(self._config, self._origin, parcels)
        fields = frozenset(sample.metric.name for sample in samples)
        return (encode_samples(self._origin, samples) if samples else b""), fields

    async def _put(self, path: str, body: bytes, fields: frozenset[str]) -> Answer:
        answer = await self._poster.post(self._base + path, body, _HEADERS, compress=True)
        if answer.status == _OK and (said := left_out(path, answer.body)):
            answer = dataclasses.replace(answer, status=_PARTIAL, body=said.encode(), took_some=True)
        return dataclasses.replace(answer, fields=fields)


def _joined(done: Outcome, found: Outcome, places: Sequence[int]) -> Outcome:
    """Add what became of the parcels in some places."""
    return Outcome(
        accepted=tuple(sorted((*done.accepted, *(places[at] for at in found.accepted)))),
        rejected=done.rejected | {places[at]: why for at, why in found.rejected.items()},
        retry=tuple(sorted((*done.retry, *(places[at] for at in found.retry)))),
        doubted=done.doubted | {places[at]: why for at, why in found.doubted.items()},
        retry_after_s=max(done.retry_after_s, found.retry_after_s),
        trouble=done.trouble or found.trouble,
        lasting=done.lasting or found.lasting,
        sent_bytes=done.sent_bytes + found.sent_bytes,
        fields=done.fields | found.fields,
    )


def left_out(path: str, body: bytes) -> str:
    """Say what a receiver left out of what it took; empty where it took everything, or says nothing of it."""
    try:
        if path == "/v1/logs":
            logs = ExportLogsServiceResponse.FromString(body).partial_success
            count, what, why = logs.rejected_log_records, "log records", logs.error_message
        else:
            points = ExportMetricsServiceResponse.FromString(body).partial_success
            count, what, why = points.rejected_data_points, "points", points.error_message
    except DecodeError:  # an answer in JSON, or a page of a proxy: the status alone counts
        return ""
    return f"{count} {what} left out: {why}" if count else ""
