"""The kinds of destinations, and what carries parcels to each. A module is loaded when a destination needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.outbound import Origin
    from agent.outbound_ports import Exporter
    from exporters.forwarding.config import DestinationConfig, Kind

    Factory = Callable[[DestinationConfig, Origin], Exporter]


def _otlp(config: DestinationConfig, origin: Origin) -> Exporter:
    from exporters.forwarding.otlp import OtlpExporter  # noqa: PLC0415  # loads the OpenTelemetry SDK and protobuf

    return OtlpExporter(config, origin)


def _remote_write(config: DestinationConfig, origin: Origin) -> Exporter:
    from exporters.forwarding.remote_write import RemoteWriteExporter  # noqa: PLC0415  # only where it is used

    return RemoteWriteExporter(config, origin)


def _mqtt(config: DestinationConfig, origin: Origin) -> Exporter:
    from exporters.forwarding.mqtt import MqttExporter  # noqa: PLC0415  # loads aiomqtt

    return MqttExporter(config, origin)


EXPORTERS: dict[Kind, Factory] = {"otlp": _otlp, "remote-write": _remote_write, "mqtt": _mqtt}
