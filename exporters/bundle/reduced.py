"""Windows as they may leave in a file: without what the allow-list does not name.

A bundle keeps windows whole, with latencies in buckets of two per cent, instead of samples. So what may not leave is
taken out of the window itself; what is left is filtered by name once more when it is sent on.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import structs

from agent.outbound import FindingChange, HostWindow, Watched, Window
from agent.summary import Moments, SignalSummary, Summary
from exporters import naming
from exporters.private import LEAST_VALUES, without_ends, without_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.outbound import Parcel

    May = Callable[[str], bool]

_NONE = Moments()


def reduced(parcel: Parcel, may_leave: May, findings: str) -> Parcel | None:
    """Return a parcel with what may leave, None where nothing may; `findings` is their name in the allow-list."""
    content = parcel.content
    if isinstance(content, FindingChange):
        return structs.replace(parcel, content=without_values(content)) if may_leave(findings) else None
    if isinstance(content, HostWindow):
        kept = tuple(
            one for one in content.readings if (metric := naming.READINGS.get(one.name)) and may_leave(metric.name)
        )
        standing = content.findings if may_leave(naming.STREAM_FINDINGS.name) else ()
        left = structs.replace(content, readings=kept, findings=standing)
        tells = kept or standing or may_leave(naming.BUILD.name)
        return structs.replace(parcel, content=left) if tells else None
    return structs.replace(parcel, content=_window(content, may_leave))


def _window(window: Window, may_leave: May) -> Window:
    histograms = may_leave(naming.SIGNAL_VALUES.name)
    few = {one.name for one in window.summary.signals if one.moments.count < LEAST_VALUES}
    edges = {}
    for one in window.total.signals if histograms else ():
        edges[one.name], _ = without_ends(one.signal, window.edges.get(one.name, ()), one.bins)
    return structs.replace(
        window,
        summary=_summary(window.summary, window.edges if histograms else {}, may_leave),
        total=_counted(_summary(window.total, window.edges if histograms else {}, may_leave)),
        edges=edges,
        watched=tuple(_watched(one, may_leave, few=one.signal.name in few) for one in window.watched),
    )


def _watched(one: Watched, may_leave: May, *, few: bool) -> Watched:
    return Watched(
        one.signal,
        one.evidence if may_leave(naming.EVIDENCE.name) else math.nan,
        one.psi if may_leave(naming.PSI.name) and not few else None,
        one.ks if may_leave(naming.KS.name) and not few else None,
        one.wasserstein if may_leave(naming.WASSERSTEIN.name) and not few else None,
    )


def _summary(summary: Summary, edges: Mapping[str, tuple[float, ...]], may_leave: May) -> Summary:
    counts = any(may_leave(metric.name) for metric in (naming.INFERENCES, naming.ERRORS, naming.SIGNAL_MISSING))
    latency = may_leave(naming.LATENCY.name) or may_leave(naming.LATENCY_QUANTILE.name)
    return structs.replace(
        summary,
        statuses=summary.statuses if counts else {},
        latency=summary.latency if latency else _NONE,
        buckets=summary.buckets if latency else {},
        merged_ns=summary.merged_ns if latency else None,
        evidence=summary.evidence if may_leave(naming.EVIDENCE.name) else {},
        signals=tuple(_signal(signal, edges.get(signal.name, ()), may_leave) for signal in summary.signals),
    )


def _counted(total: Summary) -> Summary:
    """Keep of the totals of signals their counts: two means since ever tell what came between."""
    signals = (SignalSummary(one.signal, _counts(one.moments), one.bins) for one in total.signals)
    return structs.replace(total, signals=tuple(signals))


def _counts(moments: Moments) -> Moments:
    return Moments(moments.count, math.nan, math.nan, math.nan, math.nan) if moments.count else _NONE


def _signal(signal: SignalSummary, edges: tuple[float, ...], may_leave: May) -> SignalSummary:
    found = signal.moments
    level = may_leave(naming.SIGNAL_MEAN.name) or (signal.name == "confidence" and may_leave(naming.CONFIDENCE.name))
    enough = found.count >= LEAST_VALUES
    moments = Moments(
        found.count,
        found.mean if level and enough else math.nan,
        found.variance if may_leave(naming.SIGNAL_DEVIATION.name) and enough else math.nan,
        found.least if may_leave(naming.SIGNAL_LEAST.name) else math.nan,
        found.most if may_leave(naming.SIGNAL_MOST.name) else math.nan,
    )
    _, bins = without_ends(signal.signal, edges, signal.bins if edges else ())
    return SignalSummary(signal.signal, moments if found.count else _NONE, bins)
