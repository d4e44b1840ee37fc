"""Whether there is room for a report beside the agent (`agent.room`)."""

from __future__ import annotations

from pathlib import Path

from agent.room import lacking

NEEDED_MIB = 450  # what a report takes at most with 20 signals, 330, and the command that waits for it
_ADVICE = "raise that limit, or start `driftline report` from a timer instead"


def too_little(root: Path = Path("/")) -> str | None:
    """Say why a report should not be started here, or None where there is room, or nobody knows."""
    return lacking(NEEDED_MIB, "a report", _ADVICE, root)
