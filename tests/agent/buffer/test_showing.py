"""When rows that wait in crates are put where questions read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from agent.buffer.showing import LATELY_S
from agent.clock import ManualClock
from tests.agent.buffer.blocks import NOW_NS, ask, make_block, opened

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from agent.buffer import Buffer
    from agent.buffer.crates import Columns

COUNTED = "SELECT count(*) FROM inferences"


def _commit(buffer: Buffer, first: int) -> int:
    buffer.append([make_block(300, first=first)], [])
    buffer.commit()
    return first + 300


def _shown(buffer: Buffer) -> int:
    """Rows that a question finds in memory without having to wait for it."""
    engine = buffer._files.ready()
    assert engine is not None
    return int(engine.run(f"SELECT count(*) FROM memory.main.late_{buffer._files.segments.opened[-1].alias}_1")[0][0])


def test_only_while_somebody_asks_are_rows_shown_after_a_commit(tmp_path: Path) -> None:
    """Nothing is done for a device that nobody asks, nor long after the last question, which sees every row."""
    clock = ManualClock(NOW_NS)
    with opened(tmp_path, clock=clock) as buffer:
        first = _commit(buffer, 0)
        assert _shown(buffer) == 0
        assert ask(buffer, COUNTED) == [[first]]
        first = _commit(buffer, first)
        assert _shown(buffer) == first
        clock.advance(LATELY_S + 1)
        before, first = first, _commit(buffer, first)
        assert _shown(buffer) == before
        assert ask(buffer, COUNTED) == [[first]]
        assert _shown(buffer) == first


def test_rows_that_cannot_be_shown_ahead_are_stored_and_seen_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails after a commit costs no row, and who asks sees all of them once."""
    with opened(tmp_path) as buffer:
        first = _commit(buffer, 0)
        assert ask(buffer, COUNTED) == [[first]]
        engine = buffer._files.ready()
        assert engine is not None
        insert, refused = engine.insert, []

        def refuse(sql: str, columns: Columns) -> None:
            if "late_" in sql:
                refused.append(sql)
                raise duckdb.OutOfMemoryException("no room for it")
            insert(sql, columns)

        monkeypatch.setattr(engine, "insert", refuse)
        first = _commit(buffer, first)
        assert refused
        assert buffer.settled
        assert ask(buffer, COUNTED) == [[first]]
