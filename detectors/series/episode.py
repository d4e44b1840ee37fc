"""One alarm an episode: evidence scores only while it grows beyond what has just been seen."""

from __future__ import annotations

FADE = 0.9975  # of the largest evidence so far, a point: half in 280 points
CAP = 2.0  # in alarm levels; however large an event was, it does not hide the next for long
REST_POINTS = 100  # after an alarm
AGAIN = 2.0  # an episode alarms again within that time only with so many times its evidence


class Episode:
    """Lets evidence through, or 0 in its place."""

    __slots__ = ("_alarm", "_level", "_since", "_top")

    def __init__(self, level: float) -> None:
        self._level = level  # evidence of this size is an alarm
        self._top = 0.0
        self._since = REST_POINTS  # points since the last alarm
        self._alarm = 0.0  # its evidence, undoubted

    def take(self, evidence: float, undoubted: float) -> float:
        """Return the evidence where it is new, else 0; `undoubted` is what it would be if no size were doubted."""
        top, self._since = self._top, self._since + 1
        new = evidence > top and (self._since >= REST_POINTS or undoubted >= AGAIN * self._alarm)
        if new and evidence >= self._level:
            self._since, self._alarm = 0, undoubted
        self._top = max(top * FADE, min(evidence, CAP * self._level))
        return evidence if new else 0.0

    def items(self) -> dict[str, object]:
        """Return what `load` takes."""
        return {"top": self._top, "since": self._since, "alarm": self._alarm}

    def load(self, items: dict[str, object]) -> None:
        """Become what another was."""
        for name, item in items.items():
            setattr(self, f"_{name}", item)
