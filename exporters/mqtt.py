"""Parcels as MQTT messages: JSON that a person and a flow editor can read, one message for each parcel.

Topics are `PREFIX/SITE/DEVICE/` and then `models/MODEL`, `host` or `findings`. A message about a window has the names
of the scrape page: a metric with no labels beside those of the stream or the device is a number, any other a list with
an object for each series. Totals are since `since`, everything else is of the time from `start` to `time`. A message
can come twice (QoS 1), with the same `id`, and late: receivers go by `time`, not by the order of arrival.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from agent.outbound import FindingChange, Window
from exporters import naming
from exporters.bounds import label_text
from exporters.samples import Histogram

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.model import Finding
    from agent.outbound import HostWindow, Origin, Parcel
    from exporters.window_samples import Sample

_RESERVED = str.maketrans({"/": "-", "+": "-", "#": "-", "$": "-", "\0": "-"})


@dataclass(frozen=True, slots=True)
class Message:
    """What is published: `payload` is JSON."""

    topic: str
    payload: bytes


def window_message(prefix: str, origin: Origin, parcel: Parcel, samples: Iterable[Sample]) -> Message:
    """Return the message about a window, with these of its samples."""
    content = parcel.content
    assert not isinstance(content, FindingChange)
    body = {**_head(origin, parcel), "start": _time(_start_ns(content)), "time": _time(content.end_ns)}
    about = "host"
    known = len(naming.DEVICE)
    if isinstance(content, Window):
        stream = content.summary.stream
        model, known = label_text(stream.model), len(naming.STREAM)
        body |= {"model": model, "version": label_text(naming.version_label(stream))}
        body["since"] = _time(content.total.time_ns)
        about = f"models/{_level(model)}"
    for sample in samples:
        name, own = sample.metric.name, sample.metric.labels[known:]
        value = _value(sample.value)
        if own:
            body.setdefault(name, []).append({**dict(zip(own, sample.labels[known:], strict=True)), "value": value})
        else:
            body[name] = value
    return Message(f"{_base(prefix, origin)}/{about}", msgspec.json.encode(body))


def finding_message(prefix: str, origin: Origin, parcel: Parcel, change: FindingChange) -> Message:
    """Return the message about the state of a finding, as it may leave, that is in a parcel."""
    body = {**_head(origin, parcel), "number": change.number, **_told(change.finding), **_when(change)}
    return Message(f"{_base(prefix, origin)}/findings", msgspec.json.encode(body))


def _head(origin: Origin, parcel: Parcel) -> dict[str, Any]:
    return {"id": parcel.id, "site": label_text(origin.site), "device": label_text(origin.device)}


def _base(prefix: str, origin: Origin) -> str:
    return f"{prefix}/{_level(label_text(origin.site))}/{_level(label_text(origin.device))}"


def _level(text: str) -> str:
    """Make a text one level of a topic (MQTT 3.1.1, 4.7)."""
    return text.translate(_RESERVED)


def _start_ns(content: Window | HostWindow) -> int:
    return content.summary.time_ns if isinstance(content, Window) else content.time_ns


def _time(time_ns: int) -> str:
    at = dt.datetime.fromtimestamp(time_ns // 1_000_000_000, dt.UTC).replace(microsecond=time_ns // 1_000 % 1_000_000)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _value(value: float | Histogram) -> Any:  # JSON
    """Return a number as it is, and a histogram with its cumulative counts at its finite bounds."""
    if not isinstance(value, Histogram):
        return value
    *finite, (_, count) = value.buckets
    total = {} if value.total is None else {"sum": value.total}
    return {"count": count, **total, "buckets": finite}


def _told(finding: Finding) -> dict[str, Any]:
    told = {
        "finding": finding.id,
        "kind": finding.kind,
        "severity": finding.severity,
        "state": finding.state,
        "model": finding.stream.model,
        "version": finding.stream.version,
        "sentence": finding.sentence,
        "advice": finding.advice,
    }
    if finding.causes:
        told |= {"cause": finding.causes[0].kind, "cause_name": finding.causes[0].name}
    if finding.verdict is not None:
        told["verdict"] = finding.verdict
    return told


def _when(change: FindingChange) -> dict[str, Any]:
    """Say when, or where the device does not know the time, how long ago; null where that is not known either."""
    if change.ago_s is not None:
        return {"clock_believed": False, "seconds_ago": change.ago_s}
    finding = change.finding
    closed = {} if finding.closed is None else {"closed": finding.closed}
    return {"time": _time(change.end_ns), "onset": finding.onset, "opened": finding.opened, **closed}
