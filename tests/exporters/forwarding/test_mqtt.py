"""The MQTT exporter against a real broker."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import aiomqtt
import msgspec
import pytest

from agent.outbound import FindingChange, Outcome, Parcel
from exporters.forwarding.config import DestinationConfig
from exporters.forwarding.mqtt import MqttExporter
from exporters.mqtt import finding_message
from tests.exporters.windows import ORIGIN, make_block, make_change, make_host_window, make_window
from tests.servers.mosquitto import running_mosquitto
from tests.servers.programs import free_port

if TYPE_CHECKING:
    from pathlib import Path

PARCELS = [
    Parcel(id="0f3a-f1", content=make_change()),
    Parcel(id="0f3a-w1", content=make_window([make_block(400)])),
    Parcel(id="0f3a-h1", content=make_host_window()),
]


def make_config(port: int, **changes: object) -> DestinationConfig:
    """A broker on this machine."""
    return msgspec.convert(
        {"name": "hall", "kind": "mqtt", "url": f"mqtt://127.0.0.1:{port}", "timeout_seconds": 5, **changes},
        DestinationConfig,
    )


def send(config: DestinationConfig, parcels: list[Parcel] = PARCELS) -> Outcome:
    """Send once."""
    return asyncio.run(MqttExporter(config, ORIGIN).send(parcels))


async def _heard(port: int, config: DestinationConfig, count: int) -> tuple[Outcome, dict[str, Any]]:
    """Send, and return what a subscriber got, by topic."""
    found: dict[str, Any] = {}
    async with asyncio.timeout(20), aiomqtt.Client("127.0.0.1", port) as subscriber:
        await subscriber.subscribe("#", qos=1)
        outcome = await MqttExporter(config, ORIGIN).send(PARCELS)
        while len(found) < count:
            message = await anext(subscriber.messages)
            assert isinstance(message.payload, bytes)
            found[str(message.topic)] = msgspec.json.decode(message.payload)
    return outcome, found


def test_a_subscriber_hears_of_findings_windows_and_the_device(tmp_path: Path) -> None:
    """Each on a topic of its own, with site, device, times and the names of the scrape page."""
    with running_mosquitto(tmp_path) as port:
        outcome, found = asyncio.run(_heard(port, make_config(port), 3))
    assert (outcome.accepted, outcome.retry, outcome.trouble) == ((0, 1, 2), (), "")
    assert sorted(found) == [
        f"driftline/plant-7/press-3/{about}" for about in ("findings", "host", "models/meter-reader")
    ]
    finding, host, window = (found[topic] for topic in sorted(found))
    assert (finding["id"], finding["state"], finding["sentence"]) == ("0f3a-f1", "open", "The images are darker.")
    assert host["hw_temperature_celsius"] == [{"sensor": "cpu", "value": 60.0}]
    assert (window["site"], window["device"], window["model"], window["version"]) == (
        "plant-7", "press-3", "meter-reader", "1.4+9f86d081884c",
    )  # fmt: skip
    assert window["start"] == window["since"] == "2026-09-21T14:15:00.000Z"
    assert window["time"] == "2026-09-21T14:20:00.000Z"
    assert (window["driftline_inferences_total"], window["driftline_inference_errors_total"]) == (400.0, 8.0)
    latency = window["driftline_inference_latency_seconds"]
    assert latency["count"] == 400
    assert latency["buckets"] == sorted(latency["buckets"])
    brightness = next(one for one in window["driftline_signal_mean"] if one["signal"] == "brightness")
    expected = PARCELS[1].content.summary.signals[0].moments.mean  # type: ignore[union-attr]
    assert brightness["value"] == expected
    assert {"driftline_signal_least", "driftline_signal_most"}.isdisjoint(window)
    assert {"findings", "driftline_inferences_total", "hw_temperature_celsius"} <= outcome.fields
    assert outcome.sent_bytes > 3_000


def test_what_may_not_leave_is_not_published(tmp_path: Path) -> None:
    """It is answered for all the same: nothing waits for it."""
    with running_mosquitto(tmp_path) as port:
        config = make_config(port, fields=["driftline_inferences_total"])
        outcome, found = asyncio.run(_heard(port, config, 1))
    assert outcome.accepted == (0, 1, 2)
    ((topic, window),) = found.items()
    assert topic == "driftline/plant-7/press-3/models/meter-reader"
    assert set(window) == {
        "id",
        "site",
        "device",
        "start",
        "time",
        "model",
        "version",
        "since",
        "driftline_inferences_total",
    }
    assert outcome.fields == {"driftline_inferences_total"}


def test_nothing_is_connected_for_a_batch_of_which_nothing_may_leave() -> None:
    """No bytes for nothing."""
    outcome = send(make_config(free_port(), fields=["hw_fan_speed_rpm"]))
    assert (outcome.accepted, outcome.sent_bytes) == ((0, 1, 2), 0)


def test_a_wrong_password_takes_a_person(tmp_path: Path) -> None:
    """It is said so, and never which password it was."""
    secret = tmp_path / "password"
    secret.write_text("pa55word\n")
    secret.chmod(0o600)
    with running_mosquitto(tmp_path, "allow_anonymous false") as port:  # and nobody is known by name
        outcome = send(make_config(port, username="press-3", password_file=str(secret)))
    assert (outcome.retry, outcome.lasting) == ((0, 1, 2), True)
    assert outcome.trouble == "the credentials are refused by 127.0.0.1"


def test_a_broker_that_is_away_is_tried_again_later() -> None:
    """All parcels wait, and the words say what could not be reached."""
    outcome = send(make_config(free_port()))
    assert (outcome.accepted, outcome.retry, outcome.lasting) == ((), (0, 1, 2), False)
    assert outcome.trouble == "127.0.0.1 cannot be reached: Connection refused"


def test_a_broker_that_says_nothing_is_left_at_the_deadline() -> None:
    """One that accepts the connection and is silent."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        outcome = send(make_config(silent.getsockname()[1], timeout_seconds=0.3))
    assert (outcome.retry, outcome.trouble) == ((0, 1, 2), "no answer within 0.3 s")


def test_a_secret_that_others_can_read_is_not_sent(tmp_path: Path) -> None:
    """The words name the file and what to do."""
    secret = tmp_path / "password"
    secret.write_text("pa55word\n")
    secret.chmod(0o644)
    outcome = send(make_config(free_port(), username="press-3", password_file=str(secret)))
    assert outcome.lasting
    assert outcome.trouble == f"{secret}: others can read it; make it the agent's alone: chmod 600 {secret}"


@pytest.mark.parametrize("site", ["hall/4", "#", "+"])
def test_a_site_is_one_level_of_the_topic(site: str, tmp_path: Path) -> None:
    """What has a meaning in topics is replaced there, and kept in the message."""
    with running_mosquitto(tmp_path) as port:
        config = make_config(port)

        async def both() -> tuple[str, Any]:
            async with asyncio.timeout(20), aiomqtt.Client("127.0.0.1", port) as subscriber:
                await subscriber.subscribe("#", qos=1)
                exporter = MqttExporter(config, msgspec.structs.replace(ORIGIN, site=site))
                await exporter.send(PARCELS[:1])
                message = await anext(subscriber.messages)
                assert isinstance(message.payload, bytes)
                return str(message.topic), msgspec.json.decode(message.payload)

        topic, body = asyncio.run(both())
    assert (topic.count("/"), body["site"]) == (3, site)


def test_a_finding_of_a_clock_that_is_not_believed_says_how_long_ago_it_was() -> None:
    """It has no time that somebody could take for right."""
    parcel = Parcel(id="0f3a-u1", content=msgspec.structs.replace(make_change(1, "closed"), ago_s=75.0))
    assert isinstance(parcel.content, FindingChange)
    said = msgspec.json.decode(finding_message("driftline", ORIGIN, parcel, parcel.content).payload)
    assert (said["clock_believed"], said["seconds_ago"]) == (False, 75.0)
    assert not said.keys() & {"time", "onset", "opened", "closed"}


def test_what_a_person_judged_a_finding_to_be_is_told() -> None:
    """The message of the closed finding has the verdict."""
    change = make_change(2, "closed")
    judged = msgspec.structs.replace(change, finding=msgspec.structs.replace(change.finding, verdict="real"))
    parcel = Parcel(id="0f3a-u2", content=judged)
    assert msgspec.json.decode(finding_message("driftline", ORIGIN, parcel, judged).payload)["verdict"] == "real"
