"""The exporter for MQTT 3.1.1 at QoS 1: what the broker has acknowledged is accepted.

Conforms to `agent.outbound_ports.Exporter`. A connection is made for each batch and closed after it, so that one that
died unnoticed between two batches costs nothing. The broker's acknowledgement says that it has the message, not that
anybody subscribed to it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiomqtt
from aiomqtt.exceptions import MqttConnectError

from agent.outbound import FindingChange, Outcome
from exporters.forwarding.allowed import changes_that_may_leave, samples_that_may_leave
from exporters.forwarding.config import FINDINGS_FIELD
from exporters.forwarding.patience import Patience
from exporters.forwarding.secret import SecretError, read_secret
from exporters.forwarding.trust import Trust
from exporters.mqtt import Message, finding_message, window_message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.outbound import Origin, Parcel
    from exporters.forwarding.config import DestinationConfig

PORT, TLS_PORT = 1883, 8883
AT_ONCE = 10  # messages that wait for their acknowledgement together
_QOS = 1
_FRAMING_BYTES = 7  # of a message: fixed header, length of the topic, packet identifier
_CONNECT_BYTES = 100  # CONNECT and DISCONNECT, about
# Bad user name or password, not authorised: MQTT 3.1.1, 3.2.2.3, and what paho makes of them, MQTT 5.0, 3.2.2.2.
_REFUSED = {4, 5, 134, 135}
_quiet = logging.getLogger("driftline.mqtt")  # what paho says of each packet; troubles are told by their outcome
_quiet.setLevel(logging.CRITICAL)


@dataclass(slots=True)
class _Done:
    """How far a batch is: places of what needs no more sending, and the bytes that went out."""

    acknowledged: set[int]
    sent_bytes: int = 0


class MqttExporter:
    """Publishes to one broker.

    Parameters
    ----------
    config
        The destination; `topic` begins every topic.
    origin
        Who sends.

    """

    def __init__(self, config: DestinationConfig, origin: Origin) -> None:
        self.name = config.name
        self._config = config
        self._trust = Trust(config)
        self._patience = Patience()
        self._origin = origin

    async def send(self, parcels: Sequence[Parcel]) -> Outcome:
        """Publish, and say what was acknowledged."""
        messages, fields = await asyncio.to_thread(self._messages, parcels)  # takes a second for many windows
        done = _Done(set(range(len(parcels))) - messages.keys())  # nothing of these may leave
        trouble, lasting = "", False
        try:
            async with self._patience.span(self._config.timeout_seconds):
                await self._publish(messages, done)
        except (aiomqtt.MqttError, SecretError, OSError, TimeoutError, ValueError) as error:
            if len(done.acknowledged) < len(parcels):  # else only the farewell failed
                trouble, lasting = self._in_words(error)
        return Outcome(
            accepted=tuple(sorted(done.acknowledged)),
            retry=tuple(place for place in range(len(parcels)) if place not in done.acknowledged),
            trouble=trouble,
            lasting=lasting,
            sent_bytes=done.sent_bytes,
            fields=fields if done.sent_bytes > _CONNECT_BYTES else frozenset(),
        )

    async def close(self) -> None:
        """Break off what is being published; nothing is held between two batches."""
        self._patience.end()

    def _messages(self, parcels: Sequence[Parcel]) -> tuple[dict[int, Message], frozenset[str]]:
        """Return what is to be published by the places of the parcels, and the names of what is in it."""
        messages: dict[int, Message] = {}
        fields: set[str] = set()
        prefix = self._config.topic
        for place, parcel in enumerate(parcels):
            if isinstance(parcel.content, FindingChange):
                for change in changes_that_may_leave(self._config, [parcel]):
                    messages[place] = finding_message(prefix, self._origin, parcel, change)
                    fields.add(FINDINGS_FIELD)
            elif samples := samples_that_may_leave(self._config, self._origin, [parcel]):
                messages[place] = window_message(prefix, self._origin, parcel, samples)
                fields |= {sample.metric.name for sample in samples}
        return messages, frozenset(fields)

    async def _publish(self, messages: dict[int, Message], done: _Done) -> None:
        """Publish all; what is done by then stands in `done`, also where it is broken off."""
        if not messages:
            return
        encrypted = urlsplit(self._config.url).scheme == "mqtts"
        client = self._client(await asyncio.to_thread(self._trust.context) if encrypted else None)

        async def publish(place: int, message: Message) -> None:
            async with room:
                done.sent_bytes += len(message.topic.encode()) + len(message.payload) + _FRAMING_BYTES
                await client.publish(message.topic, message.payload, _QOS, timeout=self._config.timeout_seconds)
                done.acknowledged.add(place)

        room = asyncio.Semaphore(AT_ONCE)
        async with client:
            done.sent_bytes += _CONNECT_BYTES
            tasks = [asyncio.ensure_future(publish(*entry)) for entry in messages.items()]
            try:
                await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()
                with suppress(asyncio.CancelledError):
                    await asyncio.gather(*tasks, return_exceptions=True)

    def _client(self, tls: ssl.SSLContext | None) -> aiomqtt.Client:
        config = self._config
        parts = urlsplit(config.url)
        assert parts.hostname is not None
        password = read_secret(config.password_file) if config.password_file else None
        # One connection per destination: a broker ends an older one of the same name.
        name = f"{zlib.crc32(f'{self._origin.instance} {config.name}'.encode()):08x}"
        return aiomqtt.Client(
            parts.hostname,
            parts.port or (TLS_PORT if tls else PORT),
            identifier=f"driftline-{name}",
            username=config.username or None,
            password=password,
            tls_context=tls,
            timeout=config.timeout_seconds,
            clean_session=True,
            logger=_quiet,
        )

    def _in_words(self, error: Exception) -> tuple[str, bool]:
        """Say what kept messages from being acknowledged, and whether it takes a person to mend it."""
        host = urlsplit(self._config.url).hostname
        cause = error.__context__ if isinstance(error, aiomqtt.MqttError) and error.__context__ else error
        match cause:
            case SecretError():
                words, lasting = str(cause), True
            case MqttConnectError():
                lasting = getattr(cause.rc, "value", cause.rc) in _REFUSED
                words = f"the credentials are refused by {host}" if lasting else f"{host} refuses: {cause.rc}"
            case ssl.SSLCertVerificationError():
                words, lasting = f"the certificate of {host} is refused: {cause.verify_message}", True
            case ssl.SSLError():
                words, lasting = f"no encrypted connection can be made: {cause.reason or cause}", True
            case socket.gaierror():
                words, lasting = f"the name {host} is not known here: no network, or no such host", False
            case TimeoutError():
                words, lasting = f"no answer within {self._config.timeout_seconds:g} s", False
            case OSError():
                words, lasting = f"{host} cannot be reached: {cause.strerror or cause}", False
            case _:
                words, lasting = f"the connection broke: {cause}", False
        return words, lasting
