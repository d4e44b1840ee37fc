"""Canary values in a model's inputs, its labels and the names around it: none is in anything that left the device."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import re
import struct
from typing import TYPE_CHECKING

import cramjam
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.outbound import FindingChange, Window
from exporters import naming
from exporters.bundle.file import Bundle, BundleWriter
from exporters.bundle.reduced import reduced
from exporters.forwarding.config import DEFAULT_FIELDS, FINDINGS_FIELD, DestinationConfig
from exporters.forwarding.kinds import EXPORTERS
from tests.faults.bad_link import BadLink, Exchange, said
from tests.integration.canary_device import TEXTS, VALUES, CanaryDevice
from tests.servers.mosquitto import running_mosquitto
from tests.servers.tap import Tap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from agent.outbound import Origin, Parcel

Ways = dict[str, bytes]


def http(
    kind: str, unpack: Callable[[bytes], bytes], parcels: Sequence[Parcel], origin: Origin, **fields: object
) -> bytes:
    """Return all that an exporter sends to a server of HTTP, unpacked."""
    seen = b""

    async def take(exchange: Exchange) -> None:
        nonlocal seen
        seen += exchange.head + unpack(await exchange.body())
        await exchange.reply(said(200, ""))

    async def go() -> None:
        async with BadLink([], [take]) as link:
            config = DestinationConfig(name=kind, kind=kind, url=link.url, **fields)  # type: ignore[arg-type]
            exporter = EXPORTERS[config.kind](config, origin)
            outcome = await exporter.send(parcels)
            await exporter.close()
            assert len(outcome.accepted) == len(parcels), outcome

    asyncio.run(go())
    return seen


def mqtt(folder: Path, parcels: Sequence[Parcel], origin: Origin) -> bytes:
    """Return all that goes to a real broker."""

    async def go(port: int) -> bytes:
        async with Tap(port) as tap:
            config = DestinationConfig(name="mqtt", kind="mqtt", url=f"mqtt://127.0.0.1:{tap.port}")
            exporter = EXPORTERS["mqtt"](config, origin)
            outcome = await exporter.send(parcels)
            await exporter.close()
            assert len(outcome.accepted) == len(parcels), outcome
            return bytes(tap.sent)

    with running_mosquitto(folder) as port:
        return asyncio.run(go(port))


def bundle(folder: Path, parcels: Sequence[Parcel], origin: Origin) -> bytes:
    """Return a file, packed and unpacked."""
    may_leave = DestinationConfig(name="any", kind="otlp", url="http://127.0.0.1").may_leave
    writer, path = BundleWriter(Ed25519PrivateKey.generate()), folder / "bundle"
    kept = [one for parcel in parcels if (one := reduced(parcel, may_leave, FINDINGS_FIELD))]
    path.write_bytes(writer.begin("b", origin, 0, DEFAULT_FIELDS) + writer.add(kept) + writer.end())
    return path.read_bytes() + b"".join(msgspec.msgpack.encode(batch) for batch in Bundle(path).batches())


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Origin, list[Parcel]]:
    """What a device has to send, and its name."""
    device = CanaryDevice(tmp_path_factory.mktemp("device"), ("any",))
    try:
        device.live()
        return device.origin, device.parcels("any")
    finally:
        device.close()


@pytest.fixture(scope="module")
def ways(lived: tuple[Origin, list[Parcel]], tmp_path_factory: pytest.TempPathFactory) -> Ways:
    """All that left, by each way."""
    origin, parcels = lived
    folder = tmp_path_factory.mktemp("ways")
    return {
        "otlp": http("otlp", gzip.decompress, parcels, origin),
        "remote-write": http("remote-write", _unsnap, parcels, origin),
        "mqtt": mqtt(folder, parcels, origin),
        "bundle": bundle(folder, parcels, origin),
    }


def _unsnap(body: bytes) -> bytes:
    return bytes(cramjam.snappy.decompress_raw(body))


def found(sent: bytes) -> list[object]:
    """Return the canaries in some bytes: as numbers of each form, as texts of three digits and more, as names."""
    seen: list[object] = [text for text in TEXTS if text.encode() in sent]
    for value in VALUES:
        forms = [struct.pack(form, value) for form in ("<d", ">d", "<f", ">f")]
        texts = {f"{value:.{digits}g}" for digits in range(4, 12)} | {f"{value:,.{digits}f}" for digits in range(7)}
        texts |= {f"{value:.{digits}f}" for digits in range(7)}
        words = [
            re.compile(rb"(?<![\d.])" + re.escape(text.encode()) + rb"(?![\d])") for text in texts if len(text) > 3
        ]
        if any(form in sent for form in forms) or any(word.search(sent) for word in words):
            seen.append(value)
    return seen


def test_the_device_saw_every_canary_and_has_something_to_say_of_it(lived: tuple[Origin, list[Parcel]]) -> None:
    """They are in what the device knows: the extremes of its windows, the ends of its references, its findings."""
    contents = [parcel.content for parcel in lived[1]]
    windows = [one for one in contents if isinstance(one, Window)]
    known = {moment for one in windows for signal in one.summary.signals for moment in
             (signal.moments.least, signal.moments.most, signal.moments.mean)}  # fmt: skip
    known |= set(itertools.chain.from_iterable(one.edges["income"] for one in windows))
    words = " ".join(
        one.finding.sentence + "".join(cause.evidence for cause in one.finding.causes)
        for one in contents if isinstance(one, FindingChange)
    )  # fmt: skip
    unseen = [
        value for value in VALUES if value not in known and f"{value:g}" not in words and f"{value:,.0f}" not in words
    ]
    assert unseen == []
    assert {"input_shift", "quality"} <= {one.finding.kind for one in contents if isinstance(one, FindingChange)}


@pytest.mark.parametrize("way", ["otlp", "remote-write", "mqtt", "bundle"])
def test_no_canary_left(way: str, ways: Ways) -> None:
    """By no way out, in no form, at the default allow-list; and yet there is much in it."""
    sent = ways[way]
    assert b"driftline_signal_values" in sent or way == "bundle"
    assert b"income" in sent
    assert found(sent) == []


def test_extremes_leave_where_they_are_asked_for_by_name(lived: tuple[Origin, list[Parcel]]) -> None:
    """The same search finds them then: it would have found them before."""
    origin, parcels = lived
    fields = (*DEFAULT_FIELDS, naming.SIGNAL_LEAST.name, naming.SIGNAL_MOST.name)
    sent = http("remote-write", _unsnap, parcels, origin, fields=fields)
    assert len(found(sent)) >= 4
