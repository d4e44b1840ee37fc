"""Bands of chance: stationary data stays under them about as often as promised, changed data does not."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import fit_reference
from detectors.bands import memory
from detectors.recent import RecentRows
from tests.detectors.streams import FAMILIES, make_block

RUNS, WIDTH = 12, 8


def shares_beyond(family: str, rows: int, shift: float = 0.0) -> np.ndarray:
    """Give the share of signals whose PSI, KS and Wasserstein distance are beyond their bands."""
    beyond = np.zeros(3)
    for seed in range(RUNS):
        values = FAMILIES[family](np.random.default_rng(500 + seed), 2_000 + rows, WIDTH)
        reference = fit_reference(values[:1_000], [f"x{at}" for at in range(WIDTH)])
        recent = RecentRows(reference)
        recent.add(make_block(values[2_000:] + shift * np.nanstd(values[:1_000], axis=0), reference.signals))
        for effect in recent.effects():
            bands = effect.psi_noise, effect.ks_noise, effect.wasserstein_noise
            sizes = effect.psi, effect.ks, effect.wasserstein
            beyond += [size > band for size, band in zip(sizes, bands, strict=True) if band is not None]
    return beyond / (RUNS * WIDTH)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("rows", [150, 1_000])
def test_stationary_data_stays_under_its_band(family: str, rows: int) -> None:
    """At most five of a hundred looks are beyond (with the error of 96 looks); memory of rows is allowed for."""
    assert (shares_beyond(family, rows) <= 0.14).all()


def test_the_band_is_not_so_wide_that_nothing_is_beyond_it() -> None:
    """Of independent rows some looks are beyond; a shift of a deviation nearly always is, even of rows with memory."""
    assert shares_beyond("independent", 1_000).sum() > 0.03
    assert (shares_beyond("autoregressive", 1_000, shift=1.0) > 0.8).all()


def test_the_band_widens_with_the_memory_of_the_rows() -> None:
    """AR(1) with .9 counts nineteen rows as one, independent rows count each."""
    rng = np.random.default_rng(3)
    names = [f"x{at}" for at in range(4)]
    assert (memory(fit_reference(FAMILIES["independent"](rng, 1_000, 4), names)) < 1.5).all()
    wandering = memory(fit_reference(FAMILIES["autoregressive"](rng, 1_000, 4), names))
    assert np.median(wandering) == pytest.approx(19, abs=9)
