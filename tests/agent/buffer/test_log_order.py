"""Parts of a log that were written once and lie in it twice."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from agent.buffer.row_schema import GROUP_ROWS
from agent.buffer.wal import examine, skim
from tests.agent.buffer.blocks import make_block, make_finding, make_reading, opened

if TYPE_CHECKING:
    from pathlib import Path

BATCHES = (10, 10, 10, 300, GROUP_ROWS, 300)  # rows as they come, in crates, filling a row group, in crates again
NAMES = re.compile(rb"\x04main[\x01-\x7f]([a-z_0-9]+)\xff")


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a crash leaves: batches of all that there is, and of every size, states and findings, all in the logs."""
    directory = tmp_path_factory.mktemp("order")
    with opened(directory / "running") as buffer:
        for number, rows in enumerate(BATCHES):
            buffer.append([make_block(rows, first=sum(BATCHES[:number]))], [make_reading()])
            buffer.commit()
            buffer.put_state("camera", "reference", b"%d" % number)
            buffer.add_event("note", "buffer", "the same")
            buffer.save_finding(make_finding(note=str(number)))
        shutil.copytree(directory / "running", directory / "left")
    return directory / "left"


@pytest.mark.parametrize("name", ["0*.wal", "core.duckdb.wal"])
def test_nothing_that_was_written_once_is_out_of_order(left: Path, name: str) -> None:
    """Every transaction of a sound log follows those before."""
    state = examine(next(left.rglob(name)))
    assert (state.sound, state.stale) == (state.size, -1)
    assert len(state.ends) >= 4


@pytest.mark.parametrize("name", ["0*.wal", "core.duckdb.wal"])
def test_a_copy_that_begins_at_any_entry_is_found(left: Path, name: str, tmp_path: Path) -> None:
    """Be it in the middle of a transaction, before the change of a table that it does not name."""
    wal = next(left.rglob(name))
    data, ends = wal.read_bytes(), examine(wal).ends
    copy = tmp_path / "copy.wal"
    with wal.open("rb", 0) as file:
        begins = [at for at, _, head in skim(file) if at >= ends[0] and head[2:3] != b"\x64"]
    for at in begins:
        copy.write_bytes(data + data[at:])
        assert examine(copy).stale >= len(data), at
        end = min(end for end in ends if end > at)
        copy.write_bytes(data + data[at:end])
        assert _is_harmless(data[at:end]) or examine(copy).stale == len(data), at


def _is_harmless(piece: bytes) -> bool:
    """Whether it adds but a line of the history, or an identity or an era that is there."""
    tables = set(NAMES.findall(piece))
    return bool(tables) and tables <= {b"events", b"streams", b"eras"}
