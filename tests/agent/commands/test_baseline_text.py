"""A reference as text."""

from __future__ import annotations

from agent.baselines import Baseline, SignalBaseline
from agent.commands.baseline_text import render
from agent.model import Signal


def test_names_the_signals_whose_rhythm_is_known() -> None:
    """One line for all of them; none where there is no rhythm, and it makes no reference short."""
    known = [SignalBaseline(signal=Signal(n, "input"), block_rows=8, missing=0, rhythm_days=4) for n in ("heat", "sun")]
    other = SignalBaseline(signal=Signal("noise", "input"), block_rows=1, missing=0)
    baseline = Baseline(key="pump", state="ready", rows=5_760, target=5_760, signals=(*known, other))
    assert render(baseline).splitlines()[:2] == [
        "pump: 5,760 inferences, long enough",
        "  knows the daily rhythm of heat, sun from 4 days",
    ]
    plain = Baseline(key="pump", state="ready", rows=5_760, target=5_760, signals=(other,))
    assert "rhythm" not in render(plain)
