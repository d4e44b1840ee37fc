from __future__ import annotations

import pytest

from agent.panel import Panel
from tests.agent.fakes import SECOND_NS, MeanReference, block, factories


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
