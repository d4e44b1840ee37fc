"""A series detector small enough to be read at a glance: how far a value is from the mean, in standard deviations."""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec


class PlainVerdict(NamedTuple):
    """What the tests need of a verdict."""

    p_value: float
    shape: str


class PlainDetector:
    """Learns mean and spread of the first `target` values, and judges the rest by a normal tail."""

    def __init__(self, target: int = 60) -> None:
        self.values: list[float] = []
        self.target = target

    def judge(self, value: float, timestamp: float) -> PlainVerdict:
        """Judge a value; nothing is odd while there are too few."""
        assert timestamp >= 0
        if len(self.values) < self.target:
            self.values.append(value)
            return PlainVerdict(1.0, "")
        mean = sum(self.values) / len(self.values)
        spread = math.sqrt(sum((v - mean) ** 2 for v in self.values) / len(self.values))
        p = math.erfc(abs(value - mean) / max(spread, 1e-9) / math.sqrt(2))
        return PlainVerdict(max(p, 1e-300), "level shift" if p < 1e-4 else "")

    def state(self) -> bytes:
        """Return the values."""
        return msgspec.msgpack.encode(self.values)

    def restore(self, state: bytes) -> None:
        """Go on with the values. Raises ValueError."""
        try:
            self.values = msgspec.msgpack.decode(state, type=list[float])
        except msgspec.MsgspecError as error:
            raise ValueError(f"no stored detector: {error}") from error


class BlindDetector(PlainDetector):
    """Finds nothing odd."""

    def judge(self, value: float, timestamp: float) -> PlainVerdict:
        """See nothing."""
        assert timestamp >= 0
        assert value == value  # noqa: PLR0124  # a gap is never handed on
        return PlainVerdict(1.0, "")
