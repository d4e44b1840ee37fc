from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.collectors.ring_bench import RingBench

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def bench(tmp_path: Path) -> RingBench:
    """A run directory of our own."""
    return RingBench(tmp_path)
