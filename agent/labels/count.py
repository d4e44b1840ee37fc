"""What becomes of some labels, counted."""

from __future__ import annotations

from agent.truth import LabelSummary

REASONS = 5  # that are told apart


class LabelCount:
    """Counts what becomes of some labels."""

    def __init__(self) -> None:
        self.matched = self.replaced = self.waiting = self.refused = 0
        self._reasons: dict[str, None] = {}
        self._warnings: dict[str, None] = {}

    def refuse(self, reason: str) -> None:
        """Count a refused one."""
        self.refused += 1
        if len(self._reasons) < REASONS:
            self._reasons[reason] = None

    def warn(self, text: str) -> None:
        """Remember what is odd about one that was taken, or may be yet."""
        if len(self._warnings) < REASONS:
            self._warnings[text] = None

    def summary(self) -> LabelSummary:
        """Return the counts."""
        return LabelSummary(
            matched=self.matched,
            replaced=self.replaced,
            waiting=self.waiting,
            refused=self.refused,
            reasons=tuple(self._reasons),
            warnings=tuple(self._warnings),
        )
