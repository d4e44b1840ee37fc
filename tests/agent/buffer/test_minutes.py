"""Minutes: which rows go into which, whatever the blocks are in which they come."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.buffer.flight import pick
from agent.buffer.minutes import Minutes
from tests.agent.buffer.blocks import NOW_NS, ask, make_block, opened

if TYPE_CHECKING:
    from pathlib import Path

    from agent.model import Block

MINUTE_NS = 60 * 10**9


def _rows(minutes: int, each: int) -> Block:
    block = make_block(minutes * each)
    first = (NOW_NS // MINUTE_NS - 60) * MINUTE_NS
    return replace(block, time_ns=first + np.arange(minutes * each, dtype=np.int64) * MINUTE_NS // each)


@pytest.mark.parametrize("order", ["in order", "shuffled"])
def test_a_block_of_many_minutes_is_what_its_minutes_are_one_by_one(order: str) -> None:
    """Each row is in the minute of its time, in a block that the clock went back in, too."""
    whole = _rows(7, 11)
    mixed = pick(whole, np.random.default_rng(2).permutation(77) if order == "shuffled" else slice(None))
    at_once, one_by_one = Minutes(), Minutes()
    at_once.add(mixed, MINUTE_NS)
    for minute in range(7):
        one_by_one.add(pick(whole, slice(11 * minute, 11 * minute + 11)), MINUTE_NS)
    found = at_once.close_all(MINUTE_NS)
    assert one_by_one.close_all(MINUTE_NS) == found
    assert [summary.inferences for summary in found] == [11] * 7


def test_minutes_that_end_in_one_commit_are_all_read_back(tmp_path: Path) -> None:
    """Their signals, too, however many there are: a service that was stopped hands over all that its rings hold."""
    with opened(tmp_path) as buffer:
        buffer.append([_rows(50, 20)], [])
        buffer.commit()
        found = buffer.summaries_since(0)
        assert list(range(1, 51)) == [number for number, _ in found]
        means = [summary.signals[0].moments.mean for _, summary in found]
        assert [20 * minute + 9.5 for minute in range(50)] == means
        sql = "SELECT count(*), sum(count)::INT FROM signal_summaries WHERE signal = 'brightness'"
        assert ask(buffer, sql) == [[50, 1_000]]
