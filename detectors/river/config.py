"""`[[river]]`: which of river's detectors watch which signals. It is checked when it is read, without loading river."""

from __future__ import annotations

import difflib
import importlib.util
from typing import TYPE_CHECKING

import msgspec

from agent.config import ValueRefusedError
from detectors.river.catalogue import ERRORS_SIGNAL, KINDS, MEASURES, TREES

if TYPE_CHECKING:
    from collections.abc import Iterable

PATTERN = "*?["
EXTRA = 'pip install "driftline[river]"'


class RiverConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[river]]`: one of river's detectors on some signals. None is on by default.

    detector: river's name for it, as in `KINDS`.
    signals: names, or patterns with * and ?. A name that a stream does not have is passed over there; a pattern takes
        every signal of the stream that the detector can judge. `latency` are the latencies, `wrong` the errors that
        labels show.
    parameters: river's own; what is not given is river's default, and `seed` is 1, so that a replay repeats itself.
    """

    detector: str
    signals: tuple[str, ...]
    parameters: dict[str, int | float | bool | str] = {}  # msgspec copies it

    def __post_init__(self) -> None:
        if self.detector not in KINDS:
            hint = _nearest(self.detector, KINDS)
            raise ValueRefusedError("detector", f"unknown; {hint}accepted: {', '.join(KINDS)}")
        self._check_signals()
        self._check_parameters()
        if importlib.util.find_spec("river") is None:
            raise ValueRefusedError("detector", f"the package river is not installed here; {EXTRA}")

    @property
    def binary(self) -> bool:
        """Whether it takes 0 and 1 only."""
        return KINDS[self.detector].binary

    def _check_signals(self) -> None:
        if not self.signals or not all(name.strip() for name in self.signals):
            accepted = 'names of signals or patterns, such as ["confidence", "feature_*"]'
            raise ValueRefusedError("signals", f"names no signal; accepted: {accepted}")
        measures = [name for name in self.signals if name in MEASURES]
        if self.binary and measures:
            takes = f"accepted: {ERRORS_SIGNAL} (from labels), flags, and signals that are 0 or 1"
            raise ValueRefusedError("signals", f"{self.detector} judges errors, and {measures[0]} is none; {takes}")
        alone = len(self.signals) == 1 and not is_pattern(self.signals[0])
        if self.detector == TREES and (alone or ERRORS_SIGNAL in self.signals):
            accepted = "accepted: two or more signals of the same inference, or a pattern"
            raise ValueRefusedError("signals", f"{TREES} looks at several signals together; {accepted}")

    def _check_parameters(self) -> None:
        known = KINDS[self.detector].parameters
        for name, value in self.parameters.items():
            key = f"parameters.{name}"
            if name not in known:
                accepted = f"{self.detector} accepts {', '.join(sorted(known))}"
                raise ValueRefusedError(key, f"unknown; {_nearest(name, known)}{accepted}")
            if not known[name].takes(value):
                raise ValueRefusedError(key, f"accepted: {known[name].accepted}")
        together = {name: parameter.default for name, parameter in known.items()} | self.parameters
        for name, other, times, wording in CONSTRAINTS.get(self.detector, ()):
            first, second = together[name], together[other]
            numbers = isinstance(first, (int, float)) and isinstance(second, (int, float))
            if numbers and first > second / times:  # type: ignore[operator]  # numbers, as said
                key = name if name in self.parameters else other
                raise ValueRefusedError(f"parameters.{key}", wording.format(first, second))


# (parameter, the one that bounds it, that many times it must fit in, in words)
CONSTRAINTS = {
    "kswin": (("stat_size", "window_size", 2, "stat_size {} may be at most half of window_size {}"),),
    "eddm": (("beta", "alpha", 1, "beta {} may not be above alpha {}"),),
    "fhddm": (("short_window_size", "sliding_window_size", 1, "short_window_size {} may not be above {}"),),
}


def is_pattern(name: str) -> bool:
    """Tell a pattern from a name.

    >>> is_pattern("feature_*"), is_pattern("confidence")
    (True, False)
    """
    return any(letter in name for letter in PATTERN)


def entry_names(entries: Iterable[RiverConfig]) -> list[str]:
    """Name each table's detector: `river adwin`, and `river adwin 2` for the second of that kind.

    >>> entry_names([])
    []
    """
    counts: dict[str, int] = {}
    names = []
    for entry in entries:
        counts[entry.detector] = count = counts.get(entry.detector, 0) + 1
        names.append(f"river {entry.detector}" + (f" {count}" if count > 1 else ""))
    return names


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}? " if near else ""
