from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from agent.buffer.segment import MOST_SIGNALS
from tests.agent.buffer.blocks import CAMERA, NOW_NS, make_block, opened

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from agent.model import Block

OTHER = msgspec.structs.replace(CAMERA, model="pump")
AGAIN = msgspec.structs.replace(CAMERA, pid=8)  # the same model in another process


def _firsts(blocks: Iterable[Block]) -> list[int]:
    """The first column, by which every row can be told."""
    return [int(value) for block in blocks for value in block.values[:, 0]]


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    """Values, missing and infinite ones too, times, latencies and status, of this model alone."""
    block = make_block(3)
    block.values[:, 1] = [np.nan, np.inf, -0.5]
    block.latency_s[1] = np.nan
    block.status[2] = 1
    with opened(tmp_path) as buffer:
        buffer.append([make_block(5, stream=OTHER), block, make_block(5, stream=OTHER)], [])
        buffer.commit()
        (back,) = buffer.rows_since(CAMERA.key, b"")
    assert (back.stream, back.signals) == (block.stream, block.signals)
    for name in ("values", "time_ns", "latency_s", "status"):
        np.testing.assert_array_equal(getattr(back, name), getattr(block, name))
        assert getattr(back, name).dtype == getattr(block, name).dtype


def test_a_mark_parts_what_came_before_from_what_came_after(tmp_path: Path) -> None:
    """Over a restart, and over new segments; processes of one model are one stream."""
    with opened(tmp_path) as buffer:
        buffer.append([make_block(10)], [])
        buffer.commit()
        mark = buffer.mark()
        assert _firsts(buffer.rows_since(CAMERA.key, mark)) == []
        buffer.append([make_block(5, first=10), make_block(5, first=15, stream=AGAIN)], [])
        assert not buffer.settled
        buffer.commit()
        assert buffer.settled
        buffer._files.segments.sealed = True
        buffer.append([make_block(5, first=20)], [])
        buffer.commit()
    with opened(tmp_path) as buffer:
        assert _firsts(buffer.rows_since(CAMERA.key, mark)) == list(range(10, 25))
        assert _firsts(buffer.last_rows(CAMERA.key, 7, until=mark)) == list(range(3, 10))
        assert _firsts(buffer.last_rows(CAMERA.key, 12)) == list(range(13, 25))
        assert _firsts(buffer.last_rows(CAMERA.key, 100)) == list(range(25))
        assert _firsts(buffer.last_rows(OTHER.key, 100)) == []


def test_rows_of_changing_signals_come_back_in_the_order_of_time(tmp_path: Path) -> None:
    """A service that changes what it sends is put together again."""
    with opened(tmp_path) as buffer:
        for at in range(4):
            names = ("brightness",) if at % 2 else ("brightness", "contrast")
            buffer.append([make_block(3, first=3 * at, names=names, time_ns=NOW_NS + at * 1_000)], [])
        buffer.commit()
        blocks = list(buffer.rows_since(CAMERA.key, b""))
        assert _firsts(blocks) == list(range(12))
        assert [len(block.signals) for block in blocks] == [2, 1, 2, 1]
        assert _firsts(buffer.last_rows(CAMERA.key, 5)) == list(range(7, 12))


def test_many_rows_come_back_in_pieces_and_in_order(tmp_path: Path) -> None:
    """Memory is bounded by the piece."""
    with opened(tmp_path) as buffer:
        buffer.append([make_block(5_000)], [])
        buffer.commit()
        blocks = list(buffer.rows_since(CAMERA.key, b""))
    assert max(map(len, blocks)) <= 2_000
    assert _firsts(blocks) == list(range(5_000))


def test_rows_that_are_not_stored_whole_do_not_come_back(tmp_path: Path) -> None:
    """A detector would take the columns beyond the limit for missing values."""
    names = [f"s{at}" for at in range(MOST_SIGNALS + 1)]
    with opened(tmp_path) as buffer:
        buffer.append([make_block(3, names=names)], [])
        buffer.commit()
        assert list(buffer.rows_since(CAMERA.key, b"")) == []


def test_a_mark_that_is_none_is_named(tmp_path: Path) -> None:
    """A damaged one is no reason to judge everything again."""
    with opened(tmp_path) as buffer, pytest.raises(ValueError, match="no mark of a buffer"):
        list(buffer.rows_since(CAMERA.key, b"rubbish"))
