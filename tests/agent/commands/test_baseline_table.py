from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.baseline_file import decode_file
from agent.commands.baseline_table import read_training
from agent.model import Signal
from collectors.table import TableError

if TYPE_CHECKING:
    from pathlib import Path

SIGNALS = [Signal("pressure", "input"), Signal("mode", "input"), Signal("latency", "runtime")]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A training file whose mode is a text, as the service sent it."""
    file = tmp_path / "train.csv"
    file.write_text("p_bar,mode\n" + "1.5,auto\n2.5,hand\n" * 20)
    return file


def test_a_signal_that_never_had_a_value_is_not_asked_of_a_file(table: Path) -> None:
    """Nor taken from it: the stream stays the measure of what it is."""
    data = read_training(table, "valve", SIGNALS, renamed=["p_bar=pressure"], silent=["mode"])
    assert decode_file(data)[0].signals == ("pressure",)
    with pytest.raises(TableError, match="column mode holds texts"):
        read_training(table, "valve", SIGNALS, renamed=["p_bar=pressure"])


def test_a_refusal_recommends_no_option_that_was_given(table: Path) -> None:
    """What the file has besides is then the only thing that is wrong."""
    signals = [SIGNALS[0], Signal("flow", "input")]
    with pytest.raises(TableError, match="do not fit valve: it has mode besides") as refused:
        read_training(table, "valve", signals, renamed=["p_bar=pressure"], learn_missing=True)
    assert "--learn-missing" not in str(refused.value)


def test_a_column_mapped_to_no_signal_is_refused_with_those_there_are(table: Path) -> None:
    """The name of the signal is what is wrong, not the file."""
    with pytest.raises(TableError, match="valve has no signal nope; it has pressure, mode, latency"):
        read_training(table, "valve", SIGNALS, renamed=["p_bar=nope"])
