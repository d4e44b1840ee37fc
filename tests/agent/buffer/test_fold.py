"""Logs that are longer than the agent's memory can replay."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.buffer import BufferConfig
from tests.agent.buffer.blocks import ask, make_block, opened

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [f"s{at}" for at in range(20)]


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a hard stop leaves of an agent that let its log grow to 17 MB."""
    folder, random = tmp_path_factory.mktemp("fold"), np.random.default_rng(1)
    with opened(folder / "state", BufferConfig(wal_mib=64.0, duckdb_memory_mib=256)) as buffer:
        for at in range(16):
            block = make_block(10_000, first=at * 10_000, names=NAMES)
            block.values[:, 1:] = random.normal(size=(10_000, 19))
            buffer.append([block], [])
            buffer.commit()
        shutil.copytree(folder / "state", folder / "crashed")
    return folder / "crashed"


@pytest.fixture
def crashed(left: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(left, tmp_path / "crashed")


def test_a_log_longer_than_the_memory_is_folded_in_first(crashed: Path) -> None:
    """Every row is there, nothing is set aside, and there is nothing to tell."""
    assert max(path.stat().st_size for path in crashed.rglob("*.wal")) > 16_000_000
    with opened(crashed, BufferConfig(duckdb_memory_mib=10)) as buffer:
        assert (buffer.status().rows, buffer.status().notes, buffer.repairs) == (160_000, (), ())
        assert ask(buffer, "SELECT count(*), count(DISTINCT s0) FROM inferences") == [[160_000, 160_000]]


def test_one_that_cannot_be_folded_in_is_left_where_it_is(crashed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Want of memory is no damage: nothing is moved, and the next start may have more."""
    monkeypatch.setattr("agent.buffer.repair.fold", lambda _: False)
    with opened(crashed, BufferConfig(duckdb_memory_mib=10)) as buffer:
        assert ["cannot be used" in note for note in buffer.status().notes] == [True]
    assert not (crashed / "quarantine").exists()
    with opened(crashed, BufferConfig(duckdb_memory_mib=256)) as buffer:
        assert buffer.status().rows == 160_000
