"""Who may touch what the buffer makes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.agent.buffer.blocks import make_block, make_finding, opened

if TYPE_CHECKING:
    from pathlib import Path


def test_the_group_may_read_databases_and_logs_and_write_none(tmp_path: Path) -> None:
    """Even where the process lets the group write what it makes."""
    before = os.umask(0o007)
    try:
        with opened(tmp_path) as buffer:
            buffer.append([make_block(10)], [])
            buffer.save_finding(make_finding())
            buffer.commit()
            files = [path for path in tmp_path.rglob("*.duckdb*") if path.is_file()]
            assert len(files) == 4
            assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o640"}
    finally:
        os.umask(before)
