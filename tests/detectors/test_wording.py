"""Words: each kind of change of one signal is said as what it is, from rows as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.model import Signal
from detectors import fit_reference
from detectors.recent import RecentRows
from detectors.wording import describe, say
from tests.detectors.streams import make_block

if TYPE_CHECKING:
    from agent.model import Effect

RNG = np.random.default_rng(11)
USUAL, FRESH = (3 + (x - x.mean()) / x.std() for x in RNG.normal(size=(2, 1_000)))
CODES = RNG.choice(3, 1_000, p=(0.5, 0.3, 0.2)).astype(float)
SOME = RNG.random(1_000) < 0.3


def effect(before: np.ndarray, now: np.ndarray, kind: str = "continuous", unit: str = "") -> Effect:
    """Measure one signal."""
    signal = Signal("xY", "input", kind, unit)  # type: ignore[arg-type]
    reference = fit_reference(before[:, None], [signal])
    recent = RecentRows(reference)
    recent.add(make_block(now[:, None], reference.signals))
    return recent.effects()[0]


WORDS = {
    "location": (USUAL, FRESH + 1.5, "continuous", "xY rose from 3 to 4.5"),
    "scatter": (USUAL, 3 + 2 * (FRESH - 3), "continuous", "scatter of xY doubled: sd 1 to 2"),
    "less scatter": (USUAL, 3 + 0.3 * (FRESH - 3), "continuous", "scatter of xY fell: sd 1 to 0.3"),
    "gaps": (USUAL, np.where(SOME, np.nan, FRESH), "continuous", "xY is missing in 3"),
    "gone": (USUAL, np.full(100, np.nan), "continuous", "xY is missing"),
    "stuck": (USUAL, np.full(100, 2.5), "continuous", "xY repeats one value: 2.5"),
    "filled": (USUAL, np.where(SOME, 2.5, FRESH), "continuous", "xY is 2.5 in 3"),
    "constant left": (np.full(1_000, 2.0), np.full(100, 3.0), "continuous", "xY was always 2, now 3"),
    "constant varies": (np.full(1_000, 2.0), FRESH, "continuous", "xY was always 2, now varies"),
    "constant left late": (np.full(1_000, 5.0), np.repeat((5.0, 6.0), (2, 98)), "continuous", "xY was always 5, now 6"),
    "constant left for a while": (
        np.full(1_000, 5.0),
        np.repeat((5.0, 6.0), (30, 70)),
        "continuous",
        "xY was always 5, now 6 in 70 % of rows",
    ),
    "new category": (CODES, np.where(SOME, 7, CODES), "categorical", "xY has a new category: 7 in 3"),
    "other mix": (CODES, np.where(SOME, 2, CODES), "categorical", "the mix of xY changed: 2 makes 4"),
    "appeared": (np.full(1_000, np.nan), FRESH, "continuous", "xY appeared"),
}


@pytest.mark.parametrize("name", WORDS)
def test_a_change_is_said_as_what_it_is(name: str) -> None:
    """Mean, scatter, missing share, one value, a constant and a category have words of their own."""
    before, now, kind, words = WORDS[name]
    assert describe(effect(before, now, kind)).startswith(words)


def test_a_median_that_moves_against_outliers_is_told() -> None:
    """Where the mean is held by a few far values, the median says what happened."""
    spiked = np.where(np.arange(1_000) % 20 == 0, -14.0, FRESH + 0.9)
    said = describe(effect(USUAL + (np.arange(1_000) % 50 == 0) * 9.0, np.where(spiked < -9, -9.0, spiked)))
    assert said.startswith(("median of xY rose from 3", "scatter of xY"))


def test_both_numbers_of_a_duration_have_one_unit() -> None:
    """Seconds and milliseconds are not mixed."""
    assert describe(effect(USUAL * 1e-4, FRESH * 1e-4 + 0.02, unit="s")) == "xY rose from 0.3 ms to 20.3 ms"


def test_a_constant_that_changed_has_a_distance() -> None:
    """A column without deviation is measured in hundredths of its size."""
    assert effect(np.full(1_000, 2.0), np.full(100, 3.0)).wasserstein == pytest.approx(50)
    assert effect(np.full(1_000, 2.0), np.full(100, 2.0)).wasserstein == 0


def test_a_sentence_starts_with_a_capital_unless_it_starts_with_a_name() -> None:
    """`scatter of xY` becomes `Scatter of xY`, `xY rose` stays."""
    scatter, rise = (effect(*WORDS[name][:3]) for name in ("scatter", "location"))
    assert say([scatter, rise]).startswith("Scatter of xY doubled: sd 1 to 2")
    assert say([rise]).startswith("xY rose")


def test_a_change_within_its_noise_is_not_told_as_a_fact() -> None:
    """Rows like those of the reference have hardly changed, whatever their means are."""
    assert describe(effect(USUAL, FRESH + 0.01)) == "xY hardly changed"
