"""Batches that were acknowledged and are not there any more."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from agent.buffer import BufferConfig
from tests.agent.buffer.blocks import ask, make_block, make_finding, opened

if TYPE_CHECKING:
    from pathlib import Path

    from agent.buffer import Buffer

EVERY_ROW = BufferConfig(capture="all")


def store(buffer: Buffer, first: int) -> None:
    """Commit a batch of ten rows."""
    buffer.append([make_block(10, first=first)], [])
    buffer.commit()


@pytest.fixture
def shortened(tmp_path: Path) -> tuple[Path, bytes]:
    """What is left where four of six batches are cut off, which the core knows of, and a mark before the last three."""
    directory, mark = tmp_path / "copy", b""
    with opened(tmp_path / "running", EVERY_ROW) as buffer:
        ends = []
        for number in range(6):
            store(buffer, 10 * number)
            ends.append(next((tmp_path / "running").rglob("0*.wal")).stat().st_size)
            mark = buffer.mark() if number == 2 else mark
        buffer.save_finding(make_finding())
        shutil.copytree(tmp_path / "running", directory)
    wal = next(directory.rglob("0*.wal"))
    wal.write_bytes(wal.read_bytes()[: ends[1]])
    return directory, mark


def test_what_was_acknowledged_and_is_gone_is_missed(shortened: tuple[Path, bytes]) -> None:
    """A log that ends early looks like an earlier moment; the core knows that there was more, and says so once."""
    directory, _ = shortened
    name = next(directory.rglob("0*.duckdb")).name
    with opened(directory) as buffer:
        moment = "2026-11-18 11:06:40"
        lost = f"after {moment} and until {moment} UTC is lost, 40 rows at least (batches 3 to 6)"
        ((sentence, advice),) = buffer.repairs
        assert sentence == f"{name} ends too early: what had been stored {lost}"
        assert "the card or disk" in advice
        store(buffer, 900)
    with opened(directory) as buffer:
        assert (buffer.status().rows, buffer.repairs) == (30, ())


def test_a_number_that_was_lost_is_never_given_again(shortened: tuple[Path, bytes]) -> None:
    """Nor after further starts without a batch, and where the whole file is lost."""
    directory, _ = shortened
    for _ in range(2):
        with opened(directory, EVERY_ROW):
            pass
    with opened(directory, EVERY_ROW) as buffer:
        store(buffer, 900)
        assert buffer._files.segments.last_batch == 7
        assert buffer.repairs == ()
    shutil.rmtree(directory / "segments")
    for number in range(2):
        with opened(directory, EVERY_ROW) as buffer:
            assert ["batches 1 to 7" in repair.sentence for repair in buffer.repairs] == [True] * (1 - number)
    with opened(directory, EVERY_ROW) as buffer:
        store(buffer, 950)
        assert buffer._files.segments.last_batch == 8


def test_rows_since_a_mark_that_are_lost_are_missed_at_every_start(shortened: tuple[Path, bytes]) -> None:
    """Though rows have come since, as many as there had been at the mark; and not since a mark that is newer."""
    directory, mark = shortened
    key = make_block(1).stream.key
    with opened(directory, EVERY_ROW) as buffer:
        newer = buffer.mark()
        store(buffer, 900)
    for _ in range(2):
        with opened(directory, EVERY_ROW) as buffer:
            with pytest.raises(OSError, match="3 batches since the last saved state are lost"):
                list(buffer.rows_since(key, mark))
            assert sum(map(len, buffer.rows_since(key, newer))) == 10
            assert ask(buffer, "SELECT count(*) FROM inferences") == [[30]]


def test_a_new_segment_without_a_batch_does_not_unsay_what_was_acknowledged(tmp_path: Path) -> None:
    """The core testifies to the last batch, whichever segment took it."""
    with opened(tmp_path) as buffer:
        store(buffer, 0)
        before = buffer._files.witness.testify()
        engine = buffer._files.ready()
        assert engine
        buffer._files.segments._start(engine, "20261119")
        assert buffer._files.witness.testify() == before != b""
