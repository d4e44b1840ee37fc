"""Batches that were acknowledged and are not there any more."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.agent.buffer.blocks import make_block, make_finding, opened

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_acknowledged_and_is_gone_is_missed(tmp_path: Path) -> None:
    """A log that ends early looks like an earlier moment; the core knows that there was more, and says so once."""
    directory = tmp_path / "copy"
    with opened(tmp_path / "running") as buffer:
        ends = []
        for number in range(6):
            buffer.append([make_block(10, first=10 * number)], [])
            buffer.commit()
            ends.append(next((tmp_path / "running").rglob("0*.wal")).stat().st_size)
        buffer.save_finding(make_finding())
        shutil.copytree(tmp_path / "running", directory)
    wal = next(directory.rglob("0*.wal"))
    wal.write_bytes(wal.read_bytes()[: ends[1]])
    with opened(directory) as buffer:
        lost = "lacks what had been acknowledged: batches 3 to 6, with 40 rows at least"
        assert [repair.sentence for repair in buffer.repairs] == [f"{wal.with_suffix('').name} {lost}"]
        buffer.append([make_block(10, first=900)], [])
        buffer.commit()
    with opened(directory) as buffer:
        assert (buffer.status().rows, buffer.repairs) == (30, ())
