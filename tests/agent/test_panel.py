from __future__ import annotations

import pytest

from agent.model import AccuracyEstimate
from agent.panel import Panel
from tests.agent.fakes import SECOND_NS, FarDetector, MeanReference, block, factories


def _panel(*first_rows: int) -> Panel:
    panel = Panel(MeanReference(0.0, 10), factories(), 1e6, 0)
    for row in first_rows:
        panel.judge(block([0.0] * 10, row))
    return panel


def test_the_pace_before_a_row_and_since() -> None:
    """Ten rows a second up to row 50; then blocks of ten rows come every two seconds."""
    panel = _panel(0, 10, 20, 30, 40)
    for late in range(4):
        rows = block([0.0] * 10, 50)
        rows.time_ns[:] = 5 * SECOND_NS + late * 2 * SECOND_NS
        panel.judge(rows)
    assert list(panel.pace(45)) == pytest.approx([10.0, 5.0])


def test_a_pace_of_nothing_is_not_known() -> None:
    """One block, or none, spans no time."""
    assert _panel().pace(0) == (None, None)
    assert _panel(0).pace(0) == (None, None)


def _shown_mean(panel: Panel, seconds: float, *, calm: bool) -> float | None:
    effect = panel.signals(round(seconds * SECOND_NS), calm=calm)[0].effect
    return None if effect is None else effect.recent_mean


def test_effects_are_looked_at_rarely_and_least_in_calm() -> None:
    """They are five seconds old at most in calm, two where something is wrong."""
    panel = _panel(0, 10, 20)
    assert _shown_mean(panel, 0.0, calm=True) == 0.0
    panel.judge(block([8.0] * 10, 30))
    assert _shown_mean(panel, 4.9, calm=True) == 0.0
    assert _shown_mean(panel, 4.9, calm=False) == 2.0
    panel.judge(block([7.0] * 10, 40))
    assert _shown_mean(panel, 6.7, calm=False) == 2.0
    assert _shown_mean(panel, 6.9, calm=False) == 3.0
    panel.judge(block([3.0] * 10, 50))
    assert _shown_mean(panel, 11.8, calm=True) == 3.0
    panel.judge(block([9.0] * 10, 60))
    assert _shown_mean(panel, 11.9, calm=True) == pytest.approx(27 / 7)


def test_effects_of_few_rows_are_soon_replaced() -> None:
    """Chance rules sizes from few rows: they are made again as soon as there are twice as many."""
    panel = _panel(0)
    assert _shown_mean(panel, 0.0, calm=True) == 0.0
    panel.judge(block([8.0] * 10, 10))
    assert _shown_mean(panel, 0.1, calm=True) == 4.0


class _Estimating(FarDetector):
    """Estimates from the third row that it saw on."""

    def accuracy(self) -> AccuracyEstimate:
        """Say that all is well."""
        return AccuracyEstimate(rows=1, estimate=1.0, low=1.0, high=1.0, calibrated=True, valid=True, first_row=3)


def test_an_estimate_counts_rows_as_the_stream_does() -> None:
    """A detector counts from its own start; a finding's onset, to which it is compared, from the stream's."""
    estimate = Panel(MeanReference(0.0, 10), factories(accuracy=(_Estimating, 0.1)), 1e6, 50).accuracy()
    assert estimate is not None
    assert estimate.first_row == 53
