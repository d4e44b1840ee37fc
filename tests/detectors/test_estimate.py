"""The estimate of accuracy: how close it is, when it holds, and that it is void where it does not."""

from __future__ import annotations

import numpy as np
import pytest

from agent.model import Signal
from detectors import fit_reference
from detectors.estimate import AccuracyEstimator

NAMES = ["heat", "load", "wear", "prediction", "confidence"]


def served(seed: int, rows: int, tilt: float = 0.0) -> tuple[np.ndarray, ...]:
    """Give rows of a model on three inputs that hang together, and whether it was right.

    `tilt` selects more of the rows with high heat. The model boasts: it is right less often than it says.
    """
    rng = np.random.default_rng(seed)
    pool = rng.normal(size=(6 * rows, 3))
    pool[:, 1] = 0.8 * pool[:, 0] + 0.6 * pool[:, 1]
    pool[:, 2] = 0.5 * pool[:, 1] + 0.8 * pool[:, 2]
    weight = np.exp(tilt * pool[:, 0])
    x = pool[rng.choice(len(pool), rows, p=weight / weight.sum())]
    logit = 1.5 * x[:, 0] + x[:, 1] - x[:, 2]
    stated = 1 / (1 + np.exp(-1.5 * np.abs(logit)))
    right = rng.random(rows) < 1 / (1 + np.exp(-np.abs(logit)))
    return np.c_[x, logit > 0, stated], right


@pytest.fixture(scope="module")
def estimator() -> AccuracyEstimator:
    """Learn from 1,500 labelled rows."""
    values, right = served(0, 1_500)
    return AccuracyEstimator(fit_reference(values, NAMES, correct=right))


def test_the_band_covers_and_the_flag_stays_up_while_nothing_changes() -> None:
    """Over 50 references, each with 1,000 new rows: in the band at least 43 times, valid at least 49 times.

    P(Binomial(50, .95) < 43) = .003; a flag that falls in 1 of 200 windows falls twice with .02.
    """
    inside = valid = 0
    for seed in range(50):
        values, right = served(seed, 2_000)
        found = AccuracyEstimator(fit_reference(values[:1_000], NAMES, correct=right[:1_000])).estimate(
            values[1_000:].astype(np.float32)
        )
        assert found is not None
        assert found.calibrated
        inside += bool(found.low <= right[1_000:].mean() <= found.high)
        valid += found.valid
    assert inside >= 43
    assert valid >= 49


def test_follows_a_change_of_the_mix(estimator: AccuracyEstimator) -> None:
    """Where easier rows come by more often the estimate rises with the truth, in its band, and stays valid."""
    before, after = served(1, 1_000), served(2, 1_000, tilt=0.8)
    first, second = (estimator.estimate(values.astype(np.float32)) for values, _ in (before, after))
    assert first is not None
    assert second is not None
    assert after[1].mean() > before[1].mean() + 0.03
    assert second.low <= after[1].mean() <= second.high
    assert second.estimate > first.estimate + 0.02
    assert second.valid


@pytest.mark.parametrize("fault", ["bias", "stuck", "unit", "shuffled", "missing", "outside"])
def test_is_void_where_the_inputs_are_no_mix_of_known_ones(fault: str, estimator: AccuracyEstimator) -> None:
    """One input that reads otherwise while the others stay voids the estimate and is named."""
    values, _ = served(3, 1_000)
    heat = values[:, 0]
    values[:, 0] = {
        "bias": heat + 1.0,
        "stuck": np.full(1_000, 0.3),
        "unit": heat * 1.8 + 32,
        "shuffled": np.random.default_rng(4).permutation(heat),
        "missing": np.where(np.arange(1_000) % 3 == 0, np.nan, heat),
        "outside": np.where(np.arange(1_000) % 4 == 0, 9.0, heat),
    }[fault]
    found = estimator.estimate(values.astype(np.float32))
    assert found is not None
    assert not found.valid
    assert "(heat)" in found.reason


def test_without_labels_it_takes_the_model_at_its_word_and_says_so() -> None:
    """A reference without labels gives the mean confidence, uncalibrated."""
    values, _ = served(5, 2_000)
    estimator = AccuracyEstimator(fit_reference(values[:1_000], NAMES))
    found = estimator.estimate(values[1_000:].astype(np.float32))
    assert found is not None
    assert not found.calibrated
    assert found.labelled is None
    assert found.estimate == pytest.approx(values[1_000:, 4].mean(), abs=1e-6)


def test_few_rows_and_rows_without_confidence_give_none(estimator: AccuracyEstimator) -> None:
    """Fewer than 100 rows with a confidence are not enough to estimate a share."""
    values, _ = served(6, 1_000)
    assert estimator.estimate(values[:99].astype(np.float32)) is None
    values[:, 4] = np.nan
    assert estimator.estimate(values.astype(np.float32)) is None
    assert estimator.estimate(np.full((500, 5), np.nan, np.float32)) is None


def test_a_reference_without_confidence_is_refused() -> None:
    """Where the model gives no confidence there is nothing to estimate from."""
    values, _ = served(7, 600)
    with pytest.raises(ValueError, match="no signal `confidence`"):
        AccuracyEstimator(fit_reference(values[:, :4], NAMES[:4]))


def test_odd_columns_do_no_harm() -> None:
    """Constant columns, columns that were never there, flags and latencies change neither estimate nor flag."""
    values, right = served(8, 2_000)
    odd = np.c_[values, np.full(2_000, 3.0), np.full(2_000, np.nan), np.zeros(2_000), np.linspace(0, 9, 2_000)]
    signals = [
        *(Signal(name, "output" if name in NAMES[3:] else "input") for name in NAMES),
        Signal("constant", "input"), Signal("never", "input"), Signal("repeated_frame", "input", "flag"),
        Signal("latency", "runtime"),
    ]  # fmt: skip
    estimator = AccuracyEstimator(fit_reference(odd[:1_000], signals, correct=right[:1_000]))
    found = estimator.estimate(odd[1_000:].astype(np.float32))
    assert found is not None
    assert found.valid
    assert found.low <= right[1_000:].mean() <= found.high


def test_five_hundred_signals_are_judged() -> None:
    """A wide stream is no reason to fail, or to void what has not changed."""
    values, right = served(9, 1_600)
    wide = np.c_[np.random.default_rng(9).normal(size=(1_600, 495)), values]
    names = [f"x{at}" for at in range(495)] + NAMES
    estimator = AccuracyEstimator(fit_reference(wide[:800], names, correct=right[:800]))
    found = estimator.estimate(wide[800:].astype(np.float32))
    assert found is not None
    assert found.valid


def test_more_signals_than_known_rows_look_like_themselves() -> None:
    """Of 5 streams of 255 signals, each with 250 known rows and 250 more of the same, at least 4 are valid."""
    names = [f"x{at}" for at in range(250)] + NAMES
    valid = 0
    for seed in range(5):
        values, right = served(seed, 500)
        wide = np.c_[np.random.default_rng(seed).normal(size=(500, 250)), values]
        found = AccuracyEstimator(fit_reference(wide[:250], names, correct=right[:250])).estimate(
            wide[250:].astype(np.float32)
        )
        assert found is not None
        valid += found.valid
    assert valid >= 4
