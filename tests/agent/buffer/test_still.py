"""Files that are rewritten while another process reads them, by DuckDB itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from agent.buffer.still import Still

if TYPE_CHECKING:
    from pathlib import Path


def test_a_checkpoint_is_seen_and_a_commit_is_none(tmp_path: Path) -> None:
    """Every checkpoint changes one of the two headers; what is only in the log changes neither."""
    path = tmp_path / "file.duckdb"
    seen = []
    with duckdb.connect(str(path)) as writer:
        writer.execute("SET checkpoint_threshold = '1GB'")
        writer.execute("CREATE TABLE t (x INTEGER)")
        writer.execute("CHECKPOINT")
        for _ in range(3):
            still = Still([path, tmp_path / "retention took this one"])
            writer.execute("INSERT INTO t SELECT range FROM range(10000)")
            before = still.unchanged()
            writer.execute("CHECKPOINT")
            seen.append((before, still.unchanged()))
    assert seen == [(True, False)] * 3
