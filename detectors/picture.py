"""What a case shows, in the terms that the rules for causes are written in."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from detectors.bands import kolmogorov_band, spread_of
from detectors.wording import describe

if TYPE_CHECKING:
    from agent.model import CauseClass, Effect
    from agent.ports import Case

REFERENCE_ROWS = 500  # what the reference is taken to be worth where an effect comes without its band
WEAKEST = 0.05  # strength that is told
CLEAR = 0.4  # standard deviations
FLAGGED = 0.1  # of all rows


class Hypothesis(NamedTuple):
    """One possible explanation; `strength` in [0, 1] says how well the evidence fits, before others are weighed.

    `faulty`: it explains data that is plainly broken, and not a shift of good data.
    """

    kind: CauseClass
    name: str
    strength: float
    evidence: str
    advice: str
    faulty: bool = False


class Picture:
    """The effects of a case by signal, with what is noise taken off."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.effects = {effect.signal.name: effect for effect in case.effects}
        self.alarmed = {score.signal.name: score for score in reversed(case.scores)}  # the worst of each signal
        self.inputs = [e for e in case.effects if e.signal.role == "input" and e.signal.kind != "flag"]
        self.outputs = [e for e in case.effects if e.signal.role == "output" and e.signal.kind != "flag"]

    @property
    def latency(self) -> Effect | None:
        """How the latency changed; None where that is not known."""
        return next((effect for effect in self.case.effects if effect.signal.role == "runtime"), None)

    @property
    def slowness(self) -> float:
        """How many times as long inferences take, in the mean; 1 where it is not known, or they take no longer."""
        latency = self.latency
        if latency is None or not latency.reference_mean or latency.recent_mean is None:
            return 1.0
        return max(1.0, latency.recent_mean / latency.reference_mean)

    def moved(self, name: str) -> float:
        """How far a signal went, in standard deviations of its reference, upwards positive; 0 where it is unknown."""
        effect = self.effects.get(name)
        if effect is None or not math.isfinite(rise(effect)):
            return 0.0
        return math.copysign(effect.wasserstein, rise(effect))

    def excess(self, name: str) -> float:
        """How much of a signal's Kolmogorov-Smirnov distance is more than noise."""
        effect = self.effects.get(name)
        return 0.0 if effect is None else over_noise(effect)

    def flagged(self, name: str) -> bool:
        """Whether a fault flag alarmed, or has come to stand higher than in the reference."""
        effect = self.effects.get(name)
        return name in self.alarmed or (effect is not None and effect.ks > FLAGGED and self.rose(name))

    def rose(self, name: str) -> bool:
        """Whether the recent mean is above the reference's."""
        effect = self.effects.get(name)
        return effect is not None and rise(effect) > 0

    def says(self, *names: str) -> str:
        """Put how signals changed into words, as evidence."""
        return ", ".join(describe(self.effects[name]) for name in names if name in self.effects)


def over_noise(effect: Effect) -> float:
    """Take off what stationary data would show.

    >>> from agent.model import Effect, Signal
    >>> light = Signal("light", "input")
    >>> round(over_noise(Effect(
    ...     signal=light, psi=1, ks=0.5, wasserstein=1, reference_mean=0, recent_mean=1, rows=500, ks_noise=0.09
    ... )), 2)
    0.41
    """
    return max(0.0, effect.ks - _noise(effect.ks_noise, effect.rows))


def over_noise_same_mix(effect: Effect) -> float:
    """Say the same after the change of the class mix is allowed for."""
    if effect.ks_same_mix is None:
        return over_noise(effect)
    return max(0.0, effect.ks_same_mix - _noise(effect.ks_same_mix_noise, effect.rows))


def _noise(band: float | None, rows: int) -> float:
    return kolmogorov_band(spread_of(REFERENCE_ROWS, rows)) if band is None else band


def rise(effect: Effect) -> float:
    """Give how far the mean rose; NaN where one of the two is unknown."""
    if effect.recent_mean is None or effect.reference_mean is None:
        return math.nan
    return effect.recent_mean - effect.reference_mean
