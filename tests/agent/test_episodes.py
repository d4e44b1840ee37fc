"""Episodes from end to end: real detectors and the real explainer on streams whose fault begins and ends."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.findings import FindingBook
from agent.host_history import HostHistory
from agent.judging import judge
from agent.monitor import StreamMonitor
from agent.replay import NoStore
from agent.wiring import Config, make_factories
from detectors import fit_reference
from detectors.cause import CauseExplainer
from tests.detectors.streams import FAMILIES, STREAM, make_block

if TYPE_CHECKING:
    from agent.model import Finding

START, STOP, END = 1_000, 4_000, 7_000
STEP_NS = 200_000_000


def episode(family: str, size: float, seed: int = 0) -> list[tuple[int, Finding]]:
    """Shift one signal of four by so many deviations for a while; return every state of every finding, with its row."""
    values = FAMILIES[family](np.random.default_rng(seed), 2_000 + END, 4)
    reference = fit_reference(values[:2_000], list("abcd"))
    stream = values[2_000:]
    stream[START:STOP, 1] += size * values[:2_000, 1].std()
    monitor = StreamMonitor(STREAM, make_factories(Config()), NoStore(), 1e6)
    monitor.adopt(reference)
    book, host, said = FindingBook(CauseExplainer(), NoStore()), HostHistory(), []
    for at in range(0, END, 50):
        rows = make_block(stream[at : at + 50], reference.signals, start=at, step_ns=STEP_NS)
        said += [(monitor.rows, finding) for finding in judge(monitor, book, rows, 0, host)]
    return said


@pytest.mark.parametrize(("family", "size"), [("independent", 1.0), ("independent", 2.0), ("autoregressive", 3.0)])
def test_one_fault_is_one_finding_that_closes_soon_after_it_is_over(family: str, size: float) -> None:
    """Whether rows hang together or not: one finding, whose severity never flaps, closed within 1,500 rows."""
    said = [(row, finding) for row, finding in episode(family, size) if finding.row < STOP]
    assert len({finding.id for _, finding in said}) == 1
    severities = [finding.severity for _, finding in said]
    changes = sum(before != after for before, after in itertools.pairwise(severities))
    assert changes <= 1
    row, last = said[-1]
    assert last.state == "closed"
    assert STOP + 500 < row < STOP + 1_500
    assert START - 50 <= last.onset_row <= START + 100
