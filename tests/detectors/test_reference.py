"""References: fitted, learned, stored, and honest about what they cannot promise."""

from __future__ import annotations

import numpy as np
import pytest

from agent.model import Signal
from detectors import decode_reference, fit_reference
from detectors.blocklength import choose_lengths, integrated_time
from detectors.quantiles import chi2_quantile, normal_quantile, t_quantile
from detectors.reference import ReferenceLearner
from tests.detectors.streams import autoregressive, make_block, seasonal

SIGNALS = (Signal("a", "input"), Signal("latency", "runtime", "continuous", "s"))


def test_survives_being_stored() -> None:
    """Encode, decode, encode gives the same bytes, and the same alarms follow."""
    rows = np.random.default_rng(0).normal(size=(500, 3))
    reference = fit_reference(rows, ["a", "b", "prediction"])
    again = decode_reference(reference.encode())
    assert again.encode() == reference.encode()
    assert (again.signals, again.rows, again.notes) == (reference.signals, 500, reference.notes)


@pytest.mark.parametrize("keep", [0, 10, 1_000])
def test_a_damaged_store_is_an_error(keep: int) -> None:
    """Bytes that are cut or foreign raise ValueError."""
    encoded = fit_reference(np.random.default_rng(0).normal(size=(500, 3)), list("abc")).encode()
    with pytest.raises(ValueError, match="stored reference"):
        decode_reference(encoded[:keep])


def test_a_megabyte_holds_twenty_signals() -> None:
    """The stored form is bounded however many rows it was learned from."""
    rows = np.random.default_rng(0).normal(size=(20_000, 20))
    assert len(fit_reference(rows, [f"x{at}" for at in range(20)]).encode()) < 1_000_000


@pytest.mark.parametrize(
    ("names", "rows", "message"),
    [
        (["a"], np.zeros((100, 2)), "1 names"),
        (["a", "a"], np.zeros((100, 2)), "'a'"),
        (["a"], np.zeros((5, 1)), "at least 20 rows"),
        (["a"], np.zeros(100), "shape"),
    ],
)
def test_says_what_is_wrong_with_its_input(names: list[str], rows: np.ndarray, message: str) -> None:
    """Shapes that disagree, doubled names and too few rows are named."""
    with pytest.raises(ValueError, match=message):
        fit_reference(rows, names)


def test_infers_roles_and_kinds() -> None:
    """Names tell roles, values tell codes from measurements, and `categorical` overrules the values."""
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.normal(size=400), rng.integers(0, 5, 400), rng.integers(0, 90, 400), rng.random(400)])
    names = ["heat", "mode", "prediction", "latency_s"]
    told = [(s.role, s.kind) for s in fit_reference(rows, names).signals]
    assert told == [
        ("input", "continuous"), ("input", "categorical"), ("output", "categorical"), ("runtime", "continuous"),
    ]  # fmt: skip
    assert [s.kind for s in fit_reference(rows, names, categorical=[]).signals[:3]] == ["continuous"] * 3


def lengths_of(series: np.ndarray) -> list[int]:
    """Give the block length in rows of each column."""
    return [int(length) * 8 for length in choose_lengths(series[:, None, :], np.arange(series.shape[1])).length]


def test_independent_rows_need_no_blocks() -> None:
    """Of independent signals nearly all are judged row by row."""
    lengths = lengths_of(np.random.default_rng(0).normal(size=(3_000, 100)))
    assert lengths.count(0) >= 95


def test_a_quarter_of_a_period_fools_nobody() -> None:
    """A rhythm of 96 rows: blocks of 24 have no correlation at lag 1, but are refused."""
    assert min(lengths_of(seasonal(np.random.default_rng(1), 4_000, 10))) >= 96


def test_blocks_cover_the_memory_of_the_stream() -> None:
    """AR(1) with a correlation of .9 has an integrated time of 19 rows; blocks are a few times that."""
    rows = autoregressive(np.random.default_rng(2), 5_000, 8)
    lengths = lengths_of(rows)
    assert min(lengths) >= 48
    assert max(lengths) <= 640


def test_integrated_time_of_an_autoregression() -> None:
    """Geyer's sum gives (1 + .5) / (1 - .5) = 3 for a correlation of .5."""
    correlation = np.power(0.5, np.arange(60.0))[:, None]
    assert integrated_time(correlation)[0] == pytest.approx(3, abs=0.01)


def test_a_short_reference_says_so() -> None:
    """Few rows, and a signal that moves slowly: notes that say so in words, and what would do."""
    rows = autoregressive(np.random.default_rng(3), 300, 1, memory=0.95)
    notes = fit_reference(rows, ["heat"]).notes
    assert [note.split()[0] for note in notes] == ["the", "heat"]
    assert "only 300 inferences" in notes[0]
    assert "a reference of" in notes[1]


def test_a_trend_says_so() -> None:
    """A reference that drifts from end to end is no reference, and says so."""
    rows = np.random.default_rng(4).normal(size=(1_000, 1)) + np.linspace(0, 8, 1_000)[:, None]
    assert "heat was still moving when the reference ended" in fit_reference(rows, ["heat"]).notes[0]


def learn(learner: ReferenceLearner, rows: int, step_ns: int, size: int = 50) -> int | None:
    """Feed blocks; return the row count at which the reference was done."""
    rng = np.random.default_rng(0)
    for start in range(0, rows, size):
        values = np.column_stack([rng.normal(size=size), rng.gamma(9, 0.001, size)])
        block = make_block(values, SIGNALS, start=start, latency=values[:, 1], step_ns=step_ns)
        reference = learner.add(block)
        if reference is not None:
            assert reference.signals == SIGNALS
            assert reference.profile.latency[0] == pytest.approx(0.009, abs=0.002)
            return reference.rows
    return None


def test_learner_waits_for_rows_and_for_time() -> None:
    """Enough rows within too short a time are not enough; the bound on rows ends it all the same."""
    assert learn(ReferenceLearner(SIGNALS, 200, 10.0, 5_000), 2_000, 10_000_000) == 1_050
    assert learn(ReferenceLearner(SIGNALS, 200, 1.0, 5_000), 2_000, 10_000_000) == 200
    assert learn(ReferenceLearner(SIGNALS, 200, 10.0, 400), 2_000, 1) == 400
    assert learn(ReferenceLearner(SIGNALS, 200, 10.0, 400), 150, 10**9) is None


def test_learner_passes_over_rows_that_say_nothing() -> None:
    """Rows that ended in an exception or are all NaN do not count."""
    learner = ReferenceLearner(SIGNALS, 100, 0.0, 1_000)
    values = np.random.default_rng(0).random((60, 2))
    values[:20] = np.nan
    assert learner.add(make_block(values, SIGNALS, status=np.arange(60) >= 50)) is None
    assert (learner.rows, learner.target) == (30, 100)


@pytest.mark.parametrize(
    ("ours", "exact"),
    [
        (t_quantile(1e-4, 1), 6366.2),
        (t_quantile(1e-4, 2), 99.99),
        (t_quantile(1e-4, 3), 28.000),
        (t_quantile(1e-4, 7), 7.885),
        (t_quantile(0.05, 100), 1.984),
        (chi2_quantile(1e-4, 20), 52.386),
        (chi2_quantile(0.95, 7), 2.167),
        (normal_quantile(1e-6), 4.753),
    ],
)
def test_quantiles(ours: float, exact: float) -> None:
    """Quantiles agree with tables to a per cent."""
    assert ours == pytest.approx(exact, rel=0.01)
