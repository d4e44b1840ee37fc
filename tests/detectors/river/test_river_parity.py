from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from agent.model import Signal
from detectors.river import RiverConfig, river_factories
from detectors.river.catalogue import KINDS, TREES
from detectors.river.loader import make_river
from detectors.river.outliers import OutlierDetector
from detectors.river.trees import ScaledTrees
from tests.detectors.river.streams_of_river import (
    BINARY,
    CLASSES,
    SEEDED,
    column,
    direct_drifts,
    first_of_each_block,
    judged,
    reference_of,
    values_for,
)
from tests.detectors.streams import make_block

DRIFT = [name for name in KINDS if name != TREES]
HEAT = Signal("heat", "input")
# Settings beside river's defaults, under which each detector still finds something.
OTHERWISE: dict[str, dict[str, Any]] = {
    "adwin": {"delta": 0.05, "clock": 8},
    "page_hinkley": {"threshold": 20.0, "mode": "up"},
    "kswin": {"alpha": 0.0005, "window_size": 60, "stat_size": 20, "seed": 7},
    "ddm": {"warm_start": 50, "drift_threshold": 2.5},
    "eddm": {"alpha": 0.8, "beta": 0.75},
    "fhddm": {"short_window_size": 20, "confidence_level": 0.001},
    "hddm_a": {"two_sided_test": True},
    "hddm_w": {"two_sided_test": True, "lambda_val": 0.1},
}


def _detector(name: str, values: np.ndarray, parameters: dict[str, Any]) -> Any:
    reference = reference_of(values[:100], HEAT)
    (factory,) = river_factories([RiverConfig(name, ("heat",), parameters)]).values()
    return factory(reference, 0.0)


def test_every_name_is_covered() -> None:
    """The catalogue and the classes that it is compared with are the same set."""
    assert set(CLASSES) == set(KINDS)
    assert {name for name, kind in KINDS.items() if kind.binary} == set(BINARY)


@pytest.mark.parametrize("name", KINDS)
def test_the_catalogue_has_the_parameters_of_river_itself(name: str) -> None:
    """Names and defaults are river's, but for the seed and what the reference gives."""
    river = {key: value.default for key, value in inspect.signature(CLASSES[name]).parameters.items()}
    ours = {key: parameter.default for key, parameter in KINDS[name].parameters.items()}
    given = {"kswin": {"window"}, TREES: {"limits"}}.get(name, set())
    assert ours == {key: value for key, value in river.items() if key not in given} | SEEDED.get(name, {})


@pytest.mark.parametrize("name", KINDS)
def test_the_class_that_is_loaded_is_rivers_own(name: str) -> None:
    """Loaded without its package's other modules, it is the class that `river` exports."""
    assert type(make_river(name, {})) is CLASSES[name]


@pytest.mark.parametrize("name", DRIFT)
@pytest.mark.parametrize("parameters", ["default", "otherwise"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_drifts_are_those_of_river_itself_whatever_the_blocks(name: str, parameters: str, seed: int) -> None:
    """In blocks of 1, 7 and 100 rows, and over a restart in the middle, drift rows are exactly river's."""
    chosen = OTHERWISE[name] if parameters == "otherwise" else {}
    rows = 600 if name == "kswin" else 3_000
    values = values_for(name, seed, rows)
    expected = direct_drifts(name, values, chosen)
    assert expected
    for size in (1, 7, 100):
        blocks = column(values, size, HEAT)
        detector = _detector(name, values, chosen)
        half = len(blocks) // 2
        found = judged(detector, blocks[:half])
        restored = _detector(name, values, chosen)
        restored.restore(detector.state())
        found += judged(restored, blocks[half:])
        assert [score.row for score in found] == first_of_each_block(expected, size)


def test_missing_infinite_and_failed_rows_are_passed_over() -> None:
    """The detectors are given the values that are there, and the rows are still those of the stream."""
    values = values_for("adwin", 4, 3_000)
    holes = values.copy()
    there = np.random.default_rng(5).random(3_000) < 0.8
    holes[~there & (np.arange(3_000) % 2 == 0)] = np.nan
    holes[~there & (np.arange(3_000) % 2 == 1)] = np.inf
    expected = np.flatnonzero(there)[direct_drifts("adwin", values[there], {})].tolist()
    assert [score.row for score in judged(_detector("adwin", values, {}), column(holes, 1, HEAT))] == expected
    failed = [make_block(values[at : at + 1, None], (HEAT,), start=at, status=[not there[at]]) for at in range(3_000)]
    assert [score.row for score in judged(_detector("adwin", values, {}), failed)] == expected


@pytest.mark.parametrize("name", DRIFT)
def test_scores_that_are_not_learned_leave_no_trace(name: str) -> None:
    """Scoring other blocks in between, never learned, changes no drift."""
    values = values_for(name, 6, 600 if name == "kswin" else 3_000)
    strange = column(values[::-1] + 1, 50, HEAT)
    detector = _detector(name, values, {})
    found = []
    for at, block in enumerate(column(values, 50, HEAT)):
        detector.score(strange[at])
        found += detector.score(block)
        detector.learn(block)
    assert [score.row for score in found] == first_of_each_block(direct_drifts(name, values, {}), 50)


@pytest.mark.parametrize("parameters", [{}, {"n_trees": 5, "height": 5, "window_size": 60, "seed": 9}])
def test_half_space_trees_score_as_river_itself(parameters: dict[str, Any]) -> None:
    """Every score of every row, missing values and a restart in the middle included, is river's."""
    rng = np.random.default_rng(7)
    names, rows = ["b", "a", "c"], rng.normal(size=(1_100, 3))
    rows[rng.random(rows.shape) < 0.05] = np.nan
    sample, rows = rows[:600], rows[600:]  # enough for the trees to learn it in one pass
    low, high = np.nanmin(sample, axis=0), np.nanmax(sample, axis=0)

    def features(row: np.ndarray) -> dict[str, float]:
        return {name: value for name, value in zip(names, row.tolist(), strict=True) if not np.isnan(value)}

    river = CLASSES[TREES](**SEEDED[TREES] | parameters)
    river.learn_one(features(np.nanmedian((sample - low) / (high - low), axis=0)))
    expected = []
    for row in (np.concatenate((sample, rows)) - low) / (high - low):
        expected.append(river.score_one(features(row)))
        river.learn_one(features(row))

    def trees() -> ScaledTrees:
        return ScaledTrees(names, parameters, sample, low, high)

    ours = trees()
    found = ours.advance(ours.scaled(rows[:250])).tolist()
    again = trees()
    again.load(ours.items())
    found += again.advance(again.scaled(rows[250:])).tolist()
    assert found == expected[600:]


def test_half_space_trees_do_not_depend_on_the_blocks() -> None:
    """Alarms of the port come at the same rows in blocks of 1, 7 and 100, and over a restart."""
    rng = np.random.default_rng(8)
    signals = (Signal("a", "input"), Signal("b", "input"))
    shared = rng.normal(size=2_000)
    values = np.column_stack([shared, shared + 0.1 * rng.normal(size=2_000)]).astype(np.float32)
    reference = reference_of(values[:1_000], *signals)
    stream = values[1_000:1_500]
    stream[300:] += 3
    (factory,) = river_factories([RiverConfig(TREES, ("*",))]).values()
    found = {}
    for size in (1, 7, 100):
        blocks = [make_block(stream[at : at + size], signals, start=at) for at in range(0, 500, size)]
        detector = factory(reference, 0.0)
        scores = judged(detector, blocks[: len(blocks) // 2])
        restored = factory(reference, 0.0)
        assert isinstance(restored, OutlierDetector)
        restored.restore(detector.state())
        scores += judged(restored, blocks[len(blocks) // 2 :])
        found[size] = min((score.row, score.onset_row) for score in scores)
    assert found[1] == found[7] == found[100]
    assert abs(found[1][1] - 300) < 20
    assert 300 < found[1][0] < 400
