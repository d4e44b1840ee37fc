"""What leaves the device, in records; `agent.outbound_ports` says what hands them out and who carries them.

A destination hears of every finding and of every window once, in an order of its own: findings first, then the newest
windows, then the backlog, oldest first. Counters are totals since they began, as of the end of each window, so that a
window that arrives late, twice, or only as part of a wider one changes no total: what a receiver adds up is right in
any order.
"""

from __future__ import annotations

import msgspec

from agent.model import Finding, Signal, Stream  # noqa: TC001  # msgspec resolves the annotations at run time
from agent.summary import Moments, Summary  # noqa: TC001

BUNDLE = "bundle"  # the destination whose batches go into files; it is never configured


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends. `instance` is a random name of the state directory, made once and kept in it."""

    site: str
    device: str
    version: str  # of the agent
    instance: str


class Watched(msgspec.Struct, frozen=True, array_like=True):
    """What the detectors made of one signal in a window: the highest share of the way to an alarm, in [0, 1].

    psi (nats), ks and wasserstein (standard deviations of the reference) compare the window's histogram with the
    reference's; None where the signal has no histogram.
    """

    signal: Signal
    evidence: float
    psi: float | None = None
    ks: float | None = None
    wasserstein: float | None = None


class Window(msgspec.Struct, frozen=True, kw_only=True, tag="window"):
    """A stream's figures over a span, and since its counters began.

    total: from the beginning of the counters (its `time_ns`) to the end of the span; they begin anew where the stream
    or its reference does.
    edges: where the bins of a signal end, by its name, as `agent.summary.bin_edges` makes them; a signal whose
    reference is no longer known has none.
    """

    summary: Summary
    total: Summary
    edges: dict[str, tuple[float, ...]] = {}
    watched: tuple[Watched, ...] = ()

    @property
    def end_ns(self) -> int:
        """Wall time at which it ended."""
        return self.summary.end_ns


class Rollup(msgspec.Struct, frozen=True, array_like=True):
    """The readings of one measure over a span; `name` and `labels` as a reading has them."""

    name: str
    unit: str
    labels: tuple[tuple[str, str], ...]
    moments: Moments
    last: float


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """Findings with the same labels that stand at a moment; `count` 0: the last ended in the day before."""

    stream: Stream
    kind: str
    severity: str
    state: str
    cause: str
    count: int
    onset_ns: int  # the earliest among them, wall time; 0 where there is none


class HostWindow(msgspec.Struct, frozen=True, kw_only=True, tag="host"):
    """The device's own readings over a span, and which findings stand at its end."""

    time_ns: int
    seconds: float
    readings: tuple[Rollup, ...]
    findings: tuple[Standing, ...] = ()

    @property
    def end_ns(self) -> int:
        """Wall time at which it ended."""
        return self.time_ns + round(self.seconds * 1e9)


class FindingChange(msgspec.Struct, frozen=True, kw_only=True, tag="finding"):
    """One state of a finding: it opened, changed, was acknowledged or closed. `number` counts such states.

    ago_s: where its times mean nothing, since the device's clock is not believed: how long ago it was when it was given
    out, infinite where that is not known either. None: its times can be believed.
    """

    number: int
    finding: Finding
    ago_s: float | None = None

    @property
    def end_ns(self) -> int:
        """Wall time of the change."""
        return round(self.finding.updated.timestamp() * 1e9)


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent as a whole or not at all.

    id: the same for the same content however often it is sent, different for any other of this state directory.
    """

    id: str
    content: FindingChange | Window | HostWindow


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Parcels that the outbox gave to one destination; `number` tells it which ones are answered for.

    wire_bytes: what the windows among them may take on the wire, by the same estimate as `most_bytes` of `next`.
    """

    number: int
    parcels: tuple[Parcel, ...]
    wire_bytes: int = 0


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What an exporter did with parcels, by their places. Each place is in exactly one of the first three.

    rejected: for good, with the receiver's reason. retry: later; nobody knows whether they arrived.
    doubted: of those to retry, which were refused while nothing was taken, with the reason: it may be the endpoint's.
    retry_after_s: how long the receiver asked to be left alone; 0 where it did not.
    trouble: what went wrong, for a person; empty where nothing did. lasting: only a person can mend it, such as a
    certificate that ran out.
    sent_bytes: as they went over the wire, bodies and headers of requests, those that failed included.
    fields: names of what the bodies that were sent held, for the egress ledger.
    """

    accepted: tuple[int, ...] = ()
    rejected: dict[int, str] = {}
    retry: tuple[int, ...] = ()
    doubted: dict[int, str] = {}
    retry_after_s: float = 0.0
    trouble: str = ""
    lasting: bool = False
    sent_bytes: int = 0
    fields: frozenset[str] = frozenset()


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel that a destination rejected for good."""

    destination: str
    parcel: Parcel
    reason: str
    time_ns: int


class Egress(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the egress ledger: what left the device, when and where to."""

    time_ns: int
    destination: str
    address: str
    parcels: int
    accepted: int
    bytes: int
    fields: tuple[str, ...]


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What a destination has not got yet.

    minutes: stored summaries. oldest_ns: since when; 0: none waits. dropped: summaries that were gone before they were
    sent. window_s: the span that its backlog is sent in. wire_bytes: about what the summaries take on the wire; 0: not
    known.
    """

    destination: str
    findings: int
    minutes: int
    oldest_ns: int
    dead_letters: int
    dropped: int
    window_s: int
    wire_bytes: int = 0
