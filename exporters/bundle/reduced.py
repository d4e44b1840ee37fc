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

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.outbound import Parcel

    May = Callable[[str], bool]

_NONE = Moments()


def reduced(parcel: Parcel, may_leave: May, findings: str) -> Parcel | None:
    """Return a parcel with what may leave, None where nothing may; `findings` is their name in the allow-list."""
    content = parcel.content
    if isinstance(content, FindingChange):
        return parcel if may_leave(findings) else None
    if isinstance(content, HostWindow):
        kept = tuple(
            one for one in content.readings if (metric := naming.HOST.get(one.name)) and may_leave(metric.name)
        )
        return structs.replace(parcel, content=structs.replace(content, readings=kept)) if kept else None
    return structs.replace(parcel, content=_window(content, may_leave))


def _window(window: Window, may_leave: May) -> Window:
    histograms = may_leave(naming.SIGNAL_VALUES.name)
    evidence, psi, ks, wasserstein = (
        may_leave(metric.name) for metric in (naming.EVIDENCE, naming.PSI, naming.KS, naming.WASSERSTEIN)
    )
    watched = tuple(
        Watched(
            one.signal,
            one.evidence if evidence else math.nan,
            one.psi if psi else None,
            one.ks if ks else None,
            one.wasserstein if wasserstein else None,
        )
        for one in window.watched
    )
    return structs.replace(
        window,
        summary=_summary(window.summary, may_leave),
        total=_summary(window.total, may_leave),
        edges=window.edges if histograms else {},
        watched=watched,
    )


def _summary(summary: Summary, may_leave: May) -> Summary:
    counts = any(may_leave(metric.name) for metric in (naming.INFERENCES, naming.ERRORS, naming.SIGNAL_MISSING))
    latency = may_leave(naming.LATENCY.name) or may_leave(naming.LATENCY_QUANTILE.name)
    return structs.replace(
        summary,
        statuses=summary.statuses if counts else {},
        latency=summary.latency if latency else _NONE,
        buckets=summary.buckets if latency else {},
        signals=tuple(_signal(signal, may_leave) for signal in summary.signals),
    )


def _signal(signal: SignalSummary, may_leave: May) -> SignalSummary:
    found = signal.moments
    level = may_leave(naming.SIGNAL_MEAN.name) or (signal.name == "confidence" and may_leave(naming.CONFIDENCE.name))
    histogram = may_leave(naming.SIGNAL_VALUES.name)
    moments = Moments(
        found.count,
        found.mean if level or histogram else math.nan,  # a histogram tells the sum
        found.variance if may_leave(naming.SIGNAL_DEVIATION.name) else math.nan,
        found.least if may_leave(naming.SIGNAL_LEAST.name) else math.nan,
        found.most if may_leave(naming.SIGNAL_MOST.name) else math.nan,
    )
    return SignalSummary(signal.signal, moments if found.count else _NONE, signal.bins if histogram else ())
