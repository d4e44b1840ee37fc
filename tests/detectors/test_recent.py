"""Effects: distances of known sizes come out at their size."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from agent.model import Effect
from detectors import fit_reference
from detectors.recent import RecentRows
from tests.detectors.streams import make_block

NAMES = ["heat", "light", "prediction"]


def rows(seed: int, count: int, classes: tuple[int, ...] = (0, 1, 2, 3)) -> np.ndarray:
    """`light` follows the class, `heat` does not."""
    rng = np.random.default_rng(seed)
    label = rng.choice(classes, count)
    return np.column_stack([rng.normal(10, 2, count), label + rng.normal(0, 0.3, count), label])


def effects(recent: np.ndarray, last: int | None = None, capacity: int | None = None) -> dict[str, Effect]:
    """Fill a ring with rows and measure."""
    reference = fit_reference(rows(0, 1_000), NAMES)
    ring = RecentRows(reference, capacity)
    for at in range(0, len(recent), 90):
        ring.add(make_block(recent[at : at + 90], reference.signals, start=at))
    return {effect.signal.name: effect for effect in ring.effects(last)}


def test_no_rows_no_effects() -> None:
    """Before the first row there is nothing to say."""
    assert effects(rows(1, 0)) == {}


def test_the_same_distribution_is_near_zero() -> None:
    """Two samples of one distribution differ by sampling noise only."""
    for effect in effects(rows(1, 1_000)).values():
        assert effect.rows == 1_000
        assert effect.psi < 0.06
        assert effect.ks < 0.08
        assert effect.wasserstein < 0.1


def test_a_shift_has_its_size() -> None:
    """Two degrees at a deviation of two: Wasserstein 1, Kolmogorov-Smirnov .38, and both means."""
    recent = rows(1, 2_000)
    recent[:, 0] += 2.0
    heat = effects(recent)["heat"]
    assert heat.wasserstein == pytest.approx(1.0, abs=0.08)
    assert heat.ks == pytest.approx(0.383, abs=0.04)
    assert heat.psi == pytest.approx(0.95, abs=0.15)
    assert (heat.reference_mean, heat.recent_mean) == pytest.approx((10, 12), abs=0.2)


def test_a_change_of_the_class_mix_is_explained_by_it() -> None:
    """Only two classes come: `light`, which follows the class, moves, but not against the same mix."""
    changed = effects(rows(1, 1_000, classes=(2, 3)))
    assert changed["prediction"].ks == pytest.approx(0.5, abs=0.05)
    assert changed["prediction"].ks_same_mix == pytest.approx(0, abs=1e-9)
    assert changed["light"].ks > 0.4
    assert changed["light"].ks_same_mix is not None
    assert changed["light"].ks_same_mix < 0.1


def test_a_real_shift_stays_under_the_same_mix() -> None:
    """What the mix does not explain is left over."""
    recent = rows(1, 1_000, classes=(2, 3))
    recent[:, 1] += 1.0
    left = effects(recent)["light"].ks_same_mix
    assert left is not None
    assert left > 0.5


def test_without_prediction_there_is_no_mix() -> None:
    """No `prediction` signal: `ks_same_mix` is None."""
    reference = fit_reference(rows(0, 500)[:, :2], NAMES[:2])
    ring = RecentRows(reference)
    ring.add(make_block(rows(1, 100)[:, :2], reference.signals))
    assert [effect.ks_same_mix for effect in ring.effects()] == [None, None]


def test_the_ring_keeps_the_newest_and_the_caller_may_ask_for_fewer() -> None:
    """Old rows leave; `rows` narrows the look to the last so many; failed inferences never enter."""
    recent = np.concatenate([rows(1, 500) + np.array([50, 0, 0]), rows(2, 300)])
    assert effects(recent, capacity=300)["heat"].recent_mean == pytest.approx(10, abs=0.5)
    assert effects(recent, capacity=700)["heat"].rows == 700
    assert effects(recent, last=100)["heat"].recent_mean == pytest.approx(10, abs=0.8)
    reference = fit_reference(rows(0, 500), NAMES)
    ring = RecentRows(reference)
    ring.add(make_block(rows(1, 10), reference.signals, status=np.ones(10)))
    assert ring.effects() == ()


def test_missing_values_count_as_an_effect() -> None:
    """A signal that went away has distance 1 and no mean."""
    recent = rows(1, 400)
    recent[:, 0] = np.nan
    heat = effects(recent)["heat"]
    assert heat.ks == 1.0
    assert heat.psi > 5
    assert heat.recent_mean is None


def test_degenerate_columns() -> None:
    """Constant, empty and new columns give finite distances."""
    values = np.column_stack([np.full(300, 2.0), np.full(300, np.nan), np.arange(300.0)])
    reference = fit_reference(values, ["a", "b", "prediction"])
    ring = RecentRows(reference)
    ring.add(make_block(values + 1, reference.signals))
    for effect in ring.effects():
        assert all(math.isfinite(getattr(effect, name)) for name in ("psi", "ks", "wasserstein", "ks_same_mix"))
        assert msgspec.json.decode(msgspec.json.encode(effect), type=Effect) == effect
