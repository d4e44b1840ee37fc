"""What can be chosen: river's names, where each class lives, its parameters with their bounds, and what an alarm means.

Plain data: river itself is not needed to read or to check a configuration. A test holds the parameters and their
defaults against river's own signatures. Left out are river's `DummyDriftDetector` and `NoDrift`, which detect nothing,
and the parameters `window` of KSWIN and `limits` of HalfSpaceTrees: the reference gives both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.truth import WRONG

if TYPE_CHECKING:
    from collections.abc import Mapping

SEED = 1  # river draws a fresh one where none is given; then no replay could repeat what the agent said
ERRORS_SIGNAL = WRONG.name
LATENCY_SIGNAL = "latency"
MEASURES = ("confidence", "margin", "entropy", LATENCY_SIGNAL)  # never 0 or 1 alone
TREES = "half_space_trees"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its default, and the values that make sense. A bound of None is open to that side."""

    default: float | str | None
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()  # accepted texts; empty: a number, whole if the default is
    whole: bool = False
    strict: bool = True  # whether `low` itself is excluded

    @property
    def accepted(self) -> str:
        """Say what is accepted, in words."""
        if self.words:
            return " or ".join((", ".join(self.words[:-1]), self.words[-1])) if len(self.words) > 1 else self.words[0]
        if isinstance(self.default, bool):
            return "true or false"
        bounds = []
        if self.low is not None:
            bounds.append(f"{'above' if self.strict else 'at least'} {self.low:g}")
        if self.high is not None:
            bounds.append(f"at most {self.high:g}")
        return " ".join(("a whole number" if self.whole else "a number", " and ".join(bounds))).strip()

    def takes(self, value: object) -> bool:
        """Tell whether a value is accepted."""
        if self.words:
            return value in self.words
        if isinstance(self.default, bool) or isinstance(value, bool):
            return isinstance(value, bool) and isinstance(self.default, bool)
        if not isinstance(value, int if self.whole else (int, float)):
            return False
        above = self.low is None or (value > self.low if self.strict else value >= self.low)
        return above and (self.high is None or value <= self.high)


@dataclass(frozen=True, slots=True)
class Kind:
    """One of river's classes. `says` completes "ADWIN says ..."; `{signal}` stands for the signal's name."""

    module: str
    cls: str
    title: str
    says: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    binary: bool = False  # takes 0 and 1 only


def _count(default: int, least: int = 1, most: int = 1_000_000) -> Parameter:
    return Parameter(default, least, most, whole=True, strict=False)


def _share(default: float) -> Parameter:
    return Parameter(default, 0, 1)


_SEED = Parameter(SEED, 0, 2**32 - 1, whole=True, strict=False)
_RISE = "{signal} is 1 more often"
_HDDM = {"drift_confidence": _share(0.001), "warning_confidence": _share(0.005)}

KINDS: Mapping[str, Kind] = {
    "adwin": Kind(
        "drift.adwin", "ADWIN", "ADWIN", "the mean of {signal} changed",
        {
            "delta": _share(0.002), "clock": _count(32), "max_buckets": _count(5, most=100),
            "min_window_length": _count(5), "grace_period": _count(10),
        },
    ),
    "page_hinkley": Kind(
        "drift.page_hinkley", "PageHinkley", "Page-Hinkley", "the mean of {signal} changed",
        {
            "min_instances": _count(30), "delta": Parameter(0.005, 0, strict=False), "threshold": Parameter(50.0, 0),
            "alpha": _share(1 - 0.0001), "mode": Parameter("both", words=("up", "down", "both")),
        },
    ),
    "kswin": Kind(
        "drift.kswin", "KSWIN", "KSWIN", "the distribution of {signal} changed",
        {"alpha": _share(0.005), "window_size": _count(100, 2, 100_000), "stat_size": _count(30), "seed": _SEED},
    ),
    "ddm": Kind(
        "drift.binary.ddm", "DDM", "DDM", _RISE,
        {"warm_start": _count(30), "warning_threshold": Parameter(2.0, 0), "drift_threshold": Parameter(3.0, 0)},
        binary=True,
    ),
    "eddm": Kind(
        "drift.binary.eddm", "EDDM", "EDDM", "{signal} is 1 at shorter intervals",
        {"warm_start": _count(30), "alpha": _share(0.95), "beta": _share(0.9)},
        binary=True,
    ),
    "fhddm": Kind(
        "drift.binary.fhddm", "FHDDM", "FHDDM", "{signal} is 1 less often",
        {
            "sliding_window_size": _count(100, most=100_000), "confidence_level": _share(0.000001),
            "short_window_size": Parameter(None, 1, 100_000, whole=True, strict=False),
        },
        binary=True,
    ),
    "hddm_a": Kind(
        "drift.binary.hddm_a", "HDDMA", "HDDM-A", _RISE, _HDDM | {"two_sided_test": Parameter(default=False)},
        binary=True,
    ),
    "hddm_w": Kind(
        "drift.binary.hddm_w", "HDDMW", "HDDM-W", _RISE,
        _HDDM | {"lambda_val": _share(0.05), "two_sided_test": Parameter(default=False)},
        binary=True,
    ),
    TREES: Kind(
        "anomaly.hst", "HalfSpaceTrees", "HalfSpaceTrees", "",
        {
            "n_trees": _count(10, most=500), "height": _count(8, most=15), "window_size": _count(250, 10, 10_000),
            "seed": _SEED,
        },
    ),
}  # fmt: skip


def says(name: str, signal: str, parameters: Mapping[str, object]) -> str:
    """Put an alarm into words.

    >>> says("adwin", "confidence", {})
    'ADWIN says the mean of confidence changed'
    """
    kind = KINDS[name]
    what = "{signal} is 1 more or less often" if parameters.get("two_sided_test") else kind.says
    return f"{kind.title} says {what.format(signal=signal)}"
