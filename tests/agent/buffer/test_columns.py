"""Hostile signal names become columns that DuckDB keeps apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.buffer.columns import column_names, quote
from agent.model import Reading, Stream
from tests.agent.buffer.blocks import NOW_NS, ask, make_block, make_finding, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.buffer import Buffer

HOSTILE = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["time", "TIME", "stream", "status", "model", "rowid", "", " ", '"', '";', "'", "a\0b", "\ud800", "\\"]
    ),
    st.sampled_from(["x", "X", "x_2", "X_2", "ß", "SS", "İ", "i", "K", "k", "select", "c0", "t", "l" * 5_000]),
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buffer]:
    """One buffer for all examples: opening is what takes time."""
    with opened(tmp_path_factory.mktemp("names")) as buffer:
        yield buffer


def test_plain_names_stay_as_they_are() -> None:
    """A signal's column is called what the signal is called."""
    assert column_names(["brightness", "täglich", "a b"]) == ("brightness", "täglich", "a b")


def test_clashes_are_numbered() -> None:
    """Names that DuckDB would take for one another get numbers, also where the numbered name is taken."""
    assert column_names(["x_2", "x", "X", "latency_s"]) == ("x_2", "x", "X_3", "latency_s_2")


@given(names=st.lists(HOSTILE, min_size=1, max_size=8))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_names_can_be_stored_and_read_back(shared: Buffer, names: list[str]) -> None:
    """Whatever signals and models are called, values come back from columns of their own."""
    stream = Stream(model=f"{names[0]}{shared.status().rows}")
    block = make_block(3, names=names, stream=stream)
    block.values[:] = list(range(len(names)))
    shared.append([block], [Reading(names[-1], names[0], 1.0, NOW_NS, ((names[0], names[-1]),))])
    shared.commit()
    assert shared.status().discarded_rows == 0
    columns = ", ".join(quote(column) for column in column_names(names))
    assert (
        ask(shared, f"SELECT {columns} FROM inferences WHERE stream = (SELECT max(stream) FROM inferences)")
        == [[float(index) for index in range(len(names))]] * 3
    )


def test_hostile_names_survive_a_restart(tmp_path: Path) -> None:
    """What was stored under hostile names opens again, takes more, and is not set aside."""
    names = ["\ud800", "a\0b", '"; DROP TABLE x; --', "", "x", "X"]
    for turn in range(2):
        with opened(tmp_path) as buffer:
            stream = Stream(model="\udfff'\0")
            buffer.append([make_block(2, first=2 * turn, names=names, stream=stream, source="\ud800.ring")], [])
            buffer.commit()
            buffer.save_finding(replace(make_finding(f"f-{turn}"), sentence="\ud800 is high", stream=stream))
    with opened(tmp_path) as buffer:
        assert ask(buffer, "SELECT count(*), count(DISTINCT X_2) FROM inferences") == [[4, 1]]
        assert [finding.sentence for finding in buffer.findings()] == ["? is high", "? is high"]
        assert buffer.repairs == ()
