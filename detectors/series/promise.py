"""The p-value of a point's evidence, made to be small no more often than it says: an alarm budget rests on it.

Ranks among the past vouch for what is not rarer than the past is long; beyond, something has to be assumed, and every
error counts: a budget of months asks for one in a million points of a past of thousands. Three things keep it honest.

- The tail is exponential in the evidence, which is in decades of surprise: were the surprises p-values, it were so.
- Its mean is learned from few episodes. The predictive tail for `k` of them with mean `m` is (1 + x / (k m))^-k, a
  Lomax tail: exact for exponential excesses, however few (Geisser, *Predictive Inference*, 1993, section 3.2). Points
  of one episode are not independent, so `k` counts episodes, and the new point counts as one whole episode.
- The tail is made a little heavier for what an exponential does not know of.

And the newest points are not learned yet, or an episode would be judged by its own beginning.
"""

from __future__ import annotations

import math

from detectors.series.memory import BINS, GROWTH, RENORMALISE, TAIL_SHARE, TAIL_WEIGHT, Memory
from detectors.series.tail import MIN_SEEN

PER_UNIT = 16.0  # bins
PRIOR_EPISODES = 10.0  # that a belief in the mean excess is worth
LATE_POINTS = 60  # an episode is not to be judged by its own beginning
MOVED_EVERY = 6  # points after which the beginning of the tail is looked at: it moves slowly
EPISODE_POINTS = 10  # so many points apart, two that are in the tail are of two episodes


class Promise(Memory):
    """Turns evidence, at least 0, into p-values.

    Parameters
    ----------
    excess
        A belief in the mean excess over the beginning of the tail.
    heavier
        Added to the shape of the tail.
    origin
        Whether 0 is a place like others. Where it only means *none*, points in a past of zeros have no excess.

    >>> promise = Promise()
    >>> _ = [promise.take(i % 100 / 50) for i in range(1000)]
    >>> promise.take(1.0), 2 < promise.take(2.5) < 4
    (0.0, True)
    """

    __slots__ = ("_at", "_belief", "_episodes", "_heavier", "_last", "_late", "_origin", "_points")

    def __init__(self, excess: float = 0.4, heavier: float = 0.1, *, origin: bool = True) -> None:
        super().__init__()
        self._belief, self._heavier, self._origin = excess, heavier, origin
        self._episodes = self._points = 0.0  # weights of what was in the tail when it came
        self._last = -EPISODE_POINTS  # in the tail, as `seen` counts
        self._late = [-1] * LATE_POINTS  # bins of the newest points, not learned yet: a ring that begins at `_at`
        self._at = 0

    def take(self, evidence: float) -> float:
        """Return -log10 p of `evidence` among what was seen some time before, and keep it for later."""
        place = min(int(evidence * PER_UNIT) + 1, BINS - 1) if evidence > 0.0 else 0
        at = self._at
        learned = self._late[at]
        self._late[at] = place
        self._at = at = at + 1 if at < LATE_POINTS - 1 else 0
        if learned >= 0:
            gain = self._gain
            self._bins[learned] += gain
            self._total += gain
            self.seen += 1
            if learned > self._end:
                self._learn_of_tail(gain)
            self._gain = gain * GROWTH
            if not at % MOVED_EVERY:
                self._move()
        return self._surprise(evidence) if place > self._end and self.seen >= MIN_SEEN else 0.0

    def _learn_of_tail(self, gain: float) -> None:
        self._over += gain
        self._points += gain
        if self.seen - self._last > EPISODE_POINTS:
            self._episodes += gain
        self._last = self.seen

    def _move(self) -> None:
        need = max(TAIL_SHARE * self._total, TAIL_WEIGHT * self._gain)
        if self._over > need or self._over + self._bins[self._end] <= need:
            self._move_end(need)
        if self._gain > RENORMALISE:
            self._episodes /= self._gain
            self._points /= self._gain
            self._renormalise()

    def _surprise(self, evidence: float) -> float:
        gain = self._gain
        points, total = PRIOR_EPISODES, PRIOR_EPISODES * self._belief
        for above, held in enumerate(self._bins[self._end + 1 :]):
            if held:
                points += held / gain
                total += held / gain * (above + 0.5) / PER_UNIT
        mean = total / points
        an_episode = (self._points + gain) / (self._episodes + gain)  # points that it has in the tail
        shape = 1.0 / (PRIOR_EPISODES + (points - PRIOR_EPISODES) / an_episode) + self._heavier
        excess = max(evidence - self._end / PER_UNIT, 0.0) if self._end or self._origin else 0.0
        share = (self._over / gain + an_episode) / (self._total / gain + an_episode)
        return -math.log10(share) + math.log1p(shape * excess / mean) / (shape * math.log(10.0))

    def items(self) -> dict[str, object]:
        """Return what `load` takes."""
        own: dict[str, object] = {"episodes": self._episodes, "points": self._points, "last": self._last}
        own |= {"late": list(self._late), "at": self._at}
        return super().items() | own
