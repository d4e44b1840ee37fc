# ruff: noqa: E402  # the path is set first
"""Bytes an hour on the wire for one stream of 20 signals at 100 inferences a second, by each way out of the device.

Every way is counted the same: both directions of a real TCP connection, from the first byte of a request to the last
of its answer, headers included; packets and encryption are not (they add the same share to each). MQTT is counted as
it is published, the bundle as it lies on the stick. Peers are measured over ten minutes and scaled. Then: how far the
p99 that the fleet sees is from the exact one, window by window. Prints a Markdown table; exit status 1 where a goal is
missed. Takes about a minute.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path[0] = str(Path(__file__).parents[1])  # this folder has an `agent.py` of its own

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.outbound import Origin
from benchmarks.uplink_peers import json_events, sdk_exports
from benchmarks.uplink_rows import (
    RATE,
    WINDOW_S,
    cut,
    make_edges,
    make_host_windows,
    make_rows,
    make_windows,
    parcels_of,
)
from exporters.bundle.file import BundleWriter
from exporters.bundle.reduced import reduced
from exporters.forwarding.config import FINDINGS_FIELD, DestinationConfig
from exporters.forwarding.otlp import OtlpExporter
from exporters.forwarding.post import Poster
from exporters.forwarding.remote_write import RemoteWriteExporter
from exporters.mqtt import window_message
from exporters.naming import LATENCY_QUANTILE
from exporters.window_samples import samples_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from agent.outbound import Parcel

HOUR_S = 3_600
PEER_S = 600
ORIGIN = Origin(site="plant-7", device="press-3", version="0.1.0", instance="0f3a1b2c")
GOALS = {"OTLP": 100_000, "remote write": 150_000}
P99_WITHIN = 0.02
_MQTT_BYTES = 4 + 7 + 100  # the acknowledgement, what frames a message, and connecting for it


class Counter:
    """A server that takes everything, and counts what went over its connections both ways."""

    def __init__(self) -> None:
        self.bytes = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests."""
        answer = b"HTTP/1.1 204 No Content\r\nDate: Sat, 21 Nov 2026 16:00:00 GMT\r\n\r\n"
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split()[0])
                await reader.readexactly(length)
                writer.write(answer)
                self.bytes += len(head) + length + len(answer)
        except asyncio.IncompleteReadError:
            writer.close()


async def counted(use: Callable[[str], Awaitable[None]]) -> int:
    """Return the bytes that a client exchanges with a server at a URL."""
    counter = Counter()
    async with await asyncio.start_server(counter.serve, "127.0.0.1", 0) as server:
        await use(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    return counter.bytes


def otlp(parcels: list[Parcel]) -> int:
    """Count sending each window as it ends over OTLP."""

    async def use(url: str) -> None:
        exporter = OtlpExporter(DestinationConfig(name="fleet", kind="otlp", url=url), ORIGIN)
        await _send(exporter, parcels)

    return asyncio.run(counted(use))


def remote_write(parcels: list[Parcel]) -> int:
    """Count sending each window as it ends by remote write."""

    async def use(url: str) -> None:
        config = DestinationConfig(name="fleet", kind="remote-write", url=f"{url}/api/v1/write")
        await _send(RemoteWriteExporter(config, ORIGIN), parcels)

    return asyncio.run(counted(use))


async def _send(exporter: OtlpExporter | RemoteWriteExporter, parcels: list[Parcel]) -> None:
    for parcel in parcels:
        outcome = await exporter.send([parcel])
        assert outcome.accepted == (0,), outcome
    await exporter.close()


def mqtt(parcels: list[Parcel]) -> int:
    """Count publishing each window as it ends."""
    may_leave = _config("mqtt", "mqtt://127.0.0.1").may_leave
    total = 0
    for parcel in parcels:
        samples = [one for one in samples_of(ORIGIN, parcel.content) if may_leave(one.metric.name)]  # type: ignore[arg-type]
        message = window_message("driftline", ORIGIN, parcel, samples)
        total += len(message.topic) + len(message.payload) + _MQTT_BYTES
    return total


def bundle(parcels: list[Parcel]) -> int:
    """Count the file."""
    config = _config("otlp", "http://127.0.0.1")
    writer = BundleWriter(Ed25519PrivateKey.generate())
    kept = [one for parcel in parcels if (one := reduced(parcel, config.may_leave, FINDINGS_FIELD))]
    return len(writer.begin("b", ORIGIN, 0, config.fields) + writer.add(kept) + writer.end())


def _config(kind: str, url: str) -> DestinationConfig:
    return DestinationConfig(name="fleet", kind=kind, url=url)  # type: ignore[arg-type]


def posted(bodies: Iterable[bytes], *, compress: bool) -> int:
    """Count posting bodies with the same client as everything else."""

    async def use(url: str) -> None:
        poster = Poster(_config("otlp", url))
        headers = {"Content-Type": "application/x-protobuf"}
        for body in bodies:
            answer = await poster.post(f"{url}/v1/metrics", body, headers, compress=compress)
            assert answer.status == 204, answer
        await poster.close()

    return asyncio.run(counted(use))


def p99_errors(windows: list[tuple[object, np.ndarray]]) -> list[float]:
    """Return by what share the p99 that is sent differs from the exact one, of each window."""
    errors = []
    for window, latencies in windows:
        exact = float(np.quantile(latencies, 0.99))
        (sent,) = (
            one.value for one in samples_of(ORIGIN, window)  # type: ignore[arg-type]
            if one.metric is LATENCY_QUANTILE and one.labels[-1] == "0.99"
        )  # fmt: skip
        assert isinstance(sent, float)
        errors.append(abs(sent / exact - 1))
    return errors


def main() -> int:
    """Measure everything and print it."""
    rows = make_rows(HOUR_S)
    edges = make_edges(make_rows(60, seed=1))
    windows = make_windows(rows, edges)
    streams, hosts = parcels_of([window for window, _ in windows]), parcels_of(make_host_windows(HOUR_S // WINDOW_S))
    ours = {"OTLP": otlp, "remote write": remote_write, "MQTT": mqtt, "bundle (file)": bundle}
    figures = {f"Driftline, {name}": (way(streams), way(hosts)) for name, way in ours.items()}
    few = cut(rows, 0, PEER_S * RATE)
    scale = HOUR_S / PEER_S
    for interval_s in (60, 10):
        size = posted(sdk_exports(few, edges, interval_s), compress=True)
        figures[f"OpenTelemetry SDK, every {interval_s} s, gzip"] = (round(size * scale), 0)
    for compress, name in ((True, "gzip"), (False, "plain")):
        size = posted(json_events(few, 10), compress=compress)
        figures[f"an event of JSON each, {name}"] = (round(size * scale), 0)
    base = figures["Driftline, OTLP"][0]
    print("| way | stream, kB/h | device's own, kB/h | ratio to OTLP |\n|---|---:|---:|---:|")
    for name, (stream, host) in figures.items():
        print(f"| {name} | {stream / 1000:,.1f} | {host / 1000:,.1f} | {stream / base:,.1f} |")
    worst = max(p99_errors(windows))  # type: ignore[arg-type]
    print(f"\np99 as it is sent, against the exact one: at most {worst:.2%} off in {len(windows)} windows")
    missed = [name for name, goal in GOALS.items() if figures[f"Driftline, {name}"][0] > goal]
    missed += ["p99"] if worst > P99_WITHIN else []
    print(f"goals missed: {', '.join(missed) or 'none'}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
