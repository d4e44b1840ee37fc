"""What would show a single value of a model's inputs: taken out of all that leaves the device, on every way out.

The ends of a reference's quantiles are the least and the greatest value in it; a mean of few values is as good as the
values; and the difference of two sums is the value that came between them. Only `driftline_signal_least` and
`driftline_signal_most` say such values, where somebody asks for them by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.model import Signal, SignalEvidence
    from agent.outbound import FindingChange

LEAST_VALUES = 5  # in a window, for anything to be said of where they lie


def inner_edges(signal: Signal, edges: Sequence[float]) -> range:
    """Return the places of the edges that may be told: those of a category or a flag are no extremes, but kinds."""
    return range(1, len(edges) - 1) if signal.kind == "continuous" else range(len(edges))


def without_ends(
    signal: Signal, edges: tuple[float, ...], bins: tuple[int, ...]
) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Return edges and bins as before, but for the ends: they are infinite, and what was there is in the bins beside.

    >>> from agent.model import Signal
    >>> without_ends(Signal("x", "input"), (1.0, 2.0, 4.0), (1, 2, 3, 4, 5, 6, 7))
    ((-inf, 2.0, inf), (0, 0, 6, 4, 18, 0, 0))
    """
    if signal.kind != "continuous" or not edges or len(bins) != 2 * len(edges) + 1:
        return edges, bins
    if len(edges) < 3:  # noqa: PLR2004  # nothing but ends
        return (), ()
    low, high = sum(bins[:3]), sum(bins[-3:])
    return (float("-inf"), *edges[1:-1], float("inf")), (0, 0, low, *bins[3:-3], high, 0, 0)


def without_values(change: FindingChange) -> FindingChange:
    """Return the state of a finding in words that tell of inputs their means alone, and nothing of those that failed.

    On the device its words name the value that repeats or that a sensor is stuck at, and how far the reference went;
    and the evidence of causes may name files.
    """
    finding = change.finding
    causes = tuple(structs.replace(cause, evidence="") for cause in finding.causes)
    failed = finding.kind == "quality" or any(signal.detector == "quality" for signal in finding.signals)
    signals, said = finding.signals, finding.sentence
    if failed:
        signals = tuple(structs.replace(signal, reference_mean=None, recent_mean=None) for signal in signals)
    if failed or any(signal.role == "input" for signal in signals):
        what = "; ".join(dict.fromkeys(_told(signal) for signal in signals)) or "inputs have changed"
        said = f"{what}; most likely: {causes[0].name}." if causes else f"{what}."
    return structs.replace(change, finding=structs.replace(finding, sentence=said, causes=causes, signals=signals))


def _told(signal: SignalEvidence) -> str:
    if signal.reference_mean is None or signal.recent_mean is None:
        return f"{signal.name} has changed"
    return f"mean of {signal.name} is {signal.recent_mean:.4g}, was {signal.reference_mean:.4g}"
