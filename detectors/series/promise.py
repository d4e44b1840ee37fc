"""The p-value of a point's evidence, made to be small no more often than it says: an alarm budget rests on it.

Ranks among the past vouch for what is not rarer than the past is long; beyond, something has to be assumed, and every
error counts: a budget of months asks for one in a million points of a past of thousands. Three things keep it honest.

- The tail is exponential in the evidence, which is in decades of surprise: were the surprises p-values, it were so.
- Its mean is not known but learned from few episodes. The predictive tail for `k` of them is (1 + x / (k m))^-k, heavier
  than an exponential of the same mean `m` (a Lomax tail; Geisser, *Predictive Inference*, 1993, section 3.2): exact for
  exponential excesses, however few. Points of one episode are not independent, so `k` counts episodes.
- The tail is made heavier by HEAVIER for what an exponential does not know of.
"""

from __future__ import annotations

import math

from detectors.series.memory import BINS, GROWTH, RENORMALISE, TAIL_SHARE, TAIL_WEIGHT, Memory
from detectors.series.tail import MIN_SEEN

PER_UNIT = 8.0  # bins per unit of evidence
PRIOR_EPISODES, PRIOR_EXCESS = 10.0, 0.4  # a belief in the mean excess, and the episodes that it is worth
HEAVIER = 0.1  # added to the shape of the tail
LATE_POINTS = 60  # an episode is not to be judged by its own beginning
EPISODE_POINTS = 10  # so many points apart, two that are in the tail are of two episodes


class Promise(Memory):
    """Turns evidence, at least 0, into p-values.

    >>> promise = Promise()
    >>> _ = [promise.take(i % 100 / 50) for i in range(1000)]
    >>> promise.take(1.0), 2 < promise.take(2.5) < 4
    (0.0, True)
    """

    __slots__ = ("_at", "_episodes", "_late", "_points", "_since")

    def __init__(self) -> None:
        super().__init__()
        self._episodes = self._points = 0.0  # weights of what was in the tail when it came
        self._since = EPISODE_POINTS  # points since the last in the tail, up to EPISODE_POINTS
        self._late: list[float] = []  # the newest evidence, not learned yet: a ring that begins at `_at`
        self._at = 0

    def take(self, evidence: float) -> float:
        """Return -log10 p of `evidence` among what was seen some time before, and keep it for later."""
        late, at = self._late, self._at
        if len(late) < LATE_POINTS:
            late.append(evidence)
        else:
            self._learn(late[at])
            late[at] = evidence
            self._at = (at + 1) % LATE_POINTS
        return self._surprise(evidence) if self.seen >= MIN_SEEN and _bin(evidence) > self._end else 0.0

    def _learn(self, evidence: float) -> None:
        at, gain = _bin(evidence), self._gain
        if at > self._end:
            self._over += gain
            self._points += gain
            if self._since >= EPISODE_POINTS:
                self._episodes += gain
            self._since = 0
        elif self._since < EPISODE_POINTS:
            self._since += 1
        self._bins[at] += gain
        self._total += gain
        self.seen += 1
        need = max(TAIL_SHARE * self._total, TAIL_WEIGHT * gain)
        if self._over > need or self._over + self._bins[self._end] <= need:
            self._move_end(need)
        self._gain = gain * GROWTH
        if self._gain > RENORMALISE:
            self._episodes /= self._gain
            self._points /= self._gain
            self._renormalise()

    def _surprise(self, evidence: float) -> float:
        gain = self._gain
        points, total = PRIOR_EPISODES, PRIOR_EPISODES * PRIOR_EXCESS
        for above, held in enumerate(self._bins[self._end + 1 :]):
            if held:
                points += held / gain
                total += held / gain * (above + 0.5) / PER_UNIT
        mean = total / points
        an_episode = (self._points + gain) / (self._episodes + gain)  # points that it has in the tail
        shape = 1.0 / (PRIOR_EPISODES + (points - PRIOR_EPISODES) / an_episode) + HEAVIER
        excess = max(evidence - self._end / PER_UNIT, 0.0)
        share = (self._over / gain + an_episode) / (self._total / gain + an_episode)
        return -math.log10(share) + math.log1p(shape * excess / mean) / (shape * math.log(10.0))

    def items(self) -> dict[str, object]:
        """Return what `load` takes."""
        own = {"episodes": self._episodes, "points": self._points, "since": self._since}
        own |= {"late": list(self._late), "at": self._at}
        return super().items() | own


def _bin(evidence: float) -> int:
    return min(int(evidence * PER_UNIT) + 1, BINS - 1) if evidence > 0.0 else 0
