"""What a case shows, in the terms that the rules for causes are written in."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from agent.model import CauseClass, Effect
    from agent.ports import Case

REFERENCE_ROWS = 500  # about what the comparison's reference side is worth
NOISE = 1.36  # of a Kolmogorov-Smirnov distance, at 5 %
CLEAR = 0.4  # standard deviations


class Hypothesis(NamedTuple):
    """One possible explanation; `strength` in [0, 1] says how well the evidence fits, before others are weighed."""

    kind: CauseClass
    name: str
    strength: float
    evidence: str
    advice: str


class Picture:
    """The effects of a case by signal, with what is noise taken off."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.effects = {effect.signal.name: effect for effect in case.effects}
        self.alarmed = {score.signal.name: score for score in reversed(case.scores)}  # the worst of each signal
        self.inputs = [e for e in case.effects if e.signal.role == "input" and e.signal.kind != "flag"]
        self.outputs = [e for e in case.effects if e.signal.role == "output" and e.signal.kind != "flag"]

    def moved(self, name: str) -> float:
        """How far a signal went, in standard deviations of its reference, upwards positive; 0 where it is unknown."""
        effect = self.effects.get(name)
        if effect is None or not math.isfinite(rise(effect)):
            return 0.0
        return math.copysign(effect.wasserstein, rise(effect))

    def excess(self, name: str) -> float:
        """How much of a signal's Kolmogorov-Smirnov distance is more than noise."""
        effect = self.effects.get(name)
        return 0.0 if effect is None else over_noise(effect.ks, effect.rows)

    def excess_same_mix(self, effect: Effect) -> float:
        """Say the same after the change of the class mix is allowed for."""
        distance = effect.ks if effect.ks_same_mix is None else effect.ks_same_mix
        return over_noise(distance, effect.rows)

    def flagged(self, name: str) -> bool:
        """Whether a fault flag alarmed, or has come to stand higher than in the reference."""
        effect = self.effects.get(name)
        return name in self.alarmed or (effect is not None and effect.ks > 0.1 and self.rose(name))  # noqa: PLR2004

    def rose(self, name: str) -> bool:
        """Whether the recent mean is above the reference's."""
        effect = self.effects.get(name)
        return effect is not None and rise(effect) > 0

    def says(self, *names: str) -> str:
        """Put how signals changed into words, as evidence."""
        return ", ".join(describe(self.effects[name]) for name in names if name in self.effects)


def over_noise(distance: float, rows: int) -> float:
    """Take off what two samples of one distribution would differ by.

    >>> over_noise(0.05, 500), round(over_noise(0.5, 500), 2)
    (0.0, 0.41)
    """
    return max(0.0, distance - NOISE * math.sqrt(1 / max(1, rows) + 1 / REFERENCE_ROWS))


def rise(effect: Effect) -> float:
    """Give how far the mean rose; NaN where one of the two is unknown."""
    if effect.recent_mean is None or effect.reference_mean is None:
        return math.nan
    return effect.recent_mean - effect.reference_mean


def describe(effect: Effect) -> str:
    """Say how one signal changed.

    >>> from agent.model import Effect, Signal
    >>> light = Signal("brightness", "input")
    >>> describe(Effect(signal=light, psi=2, ks=0.9, wasserstein=3, reference_mean=0.32, recent_mean=0.186, rows=500))
    'brightness fell from 0.32 to 0.186'
    """
    name, before, now = effect.signal.name, effect.reference_mean, effect.recent_mean
    if effect.signal.kind == "categorical":
        return f"the mix of {name} changed ({100 * effect.ks:.0f} % differ)"
    if now is None:
        return f"{name} is missing"
    if before is None:
        return f"{name} appeared"
    if effect.wasserstein < 2 * effect.ks * 0.1 or f"{before:.3g}" == f"{now:.3g}":
        return f"{name} is distributed otherwise"
    return f"{name} {'rose' if now > before else 'fell'} from {before:.3g} to {now:.3g}"
