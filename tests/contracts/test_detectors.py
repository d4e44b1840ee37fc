"""Every detector in the registration table, and each of river's by name, keeps the port's contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.model import Block, Signal
from detectors import FACTORIES as REGISTERED
from detectors import fit_reference
from detectors.river import RiverConfig, river_factories
from detectors.river.catalogue import KINDS
from tests.detectors.streams import make_block

if TYPE_CHECKING:
    from detectors.reference import Reference

SIGNALS = (
    Signal("heat", "input"),
    Signal("mode", "input", "categorical"),
    Signal("repeated_frame", "input", "flag"),
    Signal("prediction", "output", "categorical"),
    Signal("latency", "runtime", "continuous", "s"),
    Signal("confidence", "output"),
)
# river's, under the names that the agent gives them, each on what it can judge.
WATCHED = {"half_space_trees": ("heat", "mode")}
# With its defaults EDDM alarms on errors that have not changed.
SETTINGS: dict[str, dict[str, int | float | bool | str]] = {"eddm": {"alpha": 0.8, "beta": 0.75}}
FACTORIES = dict(REGISTERED) | dict(
    river_factories(
        [
            RiverConfig(
                name, ("repeated_frame",) if kind.binary else WATCHED.get(name, ("heat",)), SETTINGS.get(name, {})
            )
            for name, kind in KINDS.items()
        ]
    )
)
BINARY = {f"river {name}" for name, kind in KINDS.items() if kind.binary}


def rows(seed: int, count: int) -> np.ndarray:
    """Healthy values of SIGNALS."""
    rng = np.random.default_rng(seed)
    heat, latency = rng.normal(size=count), rng.gamma(9, 0.0002, count)
    mode, answer = rng.integers(0, 3, count), rng.integers(0, 4, count)
    confidence = np.where(rng.random(count) < 0.2, rng.uniform(0.3, 0.7, count), rng.uniform(0.8, 1, count))
    return np.column_stack([heat, mode, np.zeros(count), answer, latency, confidence])


def blocks(values: np.ndarray, size: int = 50, name: str = "") -> list[Block]:
    """Cut a stream into blocks; what a detector looks for begins in the middle, whatever `values` hold."""
    later = np.arange(len(values)) >= len(values) // 2
    failed = later & (name == "errors")
    if name == "accuracy":  # the inputs stay, more of the answers are doubtful
        values = rows(len(values), len(values))
        values[later & (np.arange(len(values)) % 2 == 0), 5] = 0.5
    return [
        make_block(
            values[at : at + size],
            SIGNALS,
            start=at,
            latency=values[at : at + size, 4],
            status=failed[at : at + size].astype(np.uint8),
        )
        for at in range(0, len(values), size)
    ]


def faulty(seed: int, count: int, name: str = "") -> np.ndarray:
    """Heat stands still, too high, and inferences are slow, from the middle on; errors come otherwise for BINARY."""
    values = rows(seed, count)
    values[count // 2 :, 0] = 9.0
    values[count // 2 :, 4] += 0.05
    if name in BINARY:
        rate = np.where(np.arange(count) < count // 2, 0.5, 0.0 if name == "river fhddm" else 1.0)
        values[:, 2] = np.random.default_rng(seed).random(count) < rate
    return values


@pytest.fixture(scope="module")
def reference() -> Reference:
    """Learn from 800 healthy rows."""
    values = rows(0, 800)
    correct = np.random.default_rng(1).random(800) < values[:, 5]
    return fit_reference(values, SIGNALS, latency_s=values[:, 4], correct=correct)


@pytest.mark.parametrize("name", FACTORIES)
def test_finds_its_fault_and_nothing_before(name: str, reference: Reference) -> None:
    """Each detector is quiet on the first half and crosses in the second, where its fault is."""
    detector = FACTORIES[name](reference, 1e6)
    crossed = []
    for block in blocks(faulty(1, 1_000, name), name=name):
        scores = detector.score(block)
        detector.learn(block)
        assert all(score.crossed and score.detector == detector.name == name for score in scores)
        crossed += scores
    assert crossed
    assert min(score.row for score in crossed) >= 500
    assert abs(crossed[0].onset_row - 500) <= 24


@pytest.mark.parametrize("name", FACTORIES)
def test_scoring_changes_nothing(name: str, reference: Reference) -> None:
    """A second score of the same block says the same, and leaves the state as it was."""
    detector = FACTORIES[name](reference, 1e6)
    for block in blocks(faulty(2, 1_000, name), name=name):
        before = detector.state()
        first = detector.score(block)
        assert detector.score(block) == first
        assert detector.state() == before
        detector.learn(block)


@pytest.mark.parametrize("name", FACTORIES)
def test_goes_on_from_its_state(name: str, reference: Reference) -> None:
    """A detector restored in mid-stream says exactly what an uninterrupted one says."""
    whole, former = FACTORIES[name](reference, 1e6), FACTORIES[name](reference, 1e6)
    stream = blocks(faulty(3, 1_000, name), size=37, name=name)
    for block in stream[:14]:
        for detector in (whole, former):
            detector.score(block)
            detector.learn(block)
    restored = FACTORIES[name](reference, 1e6)
    restored.restore(former.state())
    assert restored.evidence() == whole.evidence()
    for block in stream[14:]:
        assert restored.score(block) == whole.score(block)
        restored.learn(block)
        whole.learn(block)
    assert restored.state() == whole.state()


@pytest.mark.parametrize("name", FACTORIES)
@pytest.mark.parametrize("damage", ["empty", "cut", "noise", "other reference", "other detector"])
def test_refuses_a_state_that_it_cannot_read(name: str, damage: str, reference: Reference) -> None:
    """A damaged or foreign state raises ValueError and changes nothing."""
    detector = FACTORIES[name](reference, 1e6)
    block = blocks(rows(4, 90), size=90)[0]
    detector.score(block)
    detector.learn(block)
    before = detector.state()
    other = next(key for key in FACTORIES if key != name)
    states = {
        "empty": b"",
        "cut": before[: len(before) // 2],
        "noise": np.random.default_rng(5).bytes(500),
        "other reference": FACTORIES[name](fit_reference(rows(9, 700), SIGNALS), 1e6).state(),
        "other detector": FACTORIES[other](reference, 1e6).state(),
    }
    with pytest.raises(ValueError, match="stored"):
        detector.restore(states[damage])
    assert detector.state() == before


@pytest.mark.parametrize("name", FACTORIES)
def test_evidence_is_a_share_per_known_signal(name: str, reference: Reference) -> None:
    """Evidence names signals of the stream and lies in [0, 1], also right at an alarm."""
    detector = FACTORIES[name](reference, 1e6)
    known = {signal.name for signal in SIGNALS}
    for block in blocks(faulty(6, 800, name), size=8):
        detector.score(block)
        detector.learn(block)
        shares = detector.evidence()
        assert set(shares) <= known
        assert all(0 <= share <= 1 for share in shares.values())


@pytest.mark.parametrize("name", FACTORIES)
def test_takes_hostile_blocks(name: str, reference: Reference) -> None:
    """NaN, infinities, failed inferences and single rows are taken without an error or a warning."""
    detector = FACTORIES[name](reference, 1e6)
    values = rows(7, 120)
    values[10:20] = np.nan
    values[20:25] = np.inf
    values[25:30] = -np.inf
    values[30:35] = 3e38
    status = (np.arange(120) % 7 == 0).astype(np.uint8)
    stream = [make_block(values, SIGNALS, latency=values[:, 4], status=status)]
    stream += [make_block(values[at : at + 1], SIGNALS, start=120 + at, status=[at % 2]) for at in range(20)]
    with np.errstate(all="raise", under="ignore"):
        for block in stream:
            detector.score(block)
            detector.learn(block)
    assert all(0 <= share <= 1 for share in detector.evidence().values())


@pytest.mark.parametrize("name", FACTORIES)
def test_the_arrays_of_a_block_are_not_written_to(name: str, reference: Reference) -> None:
    """Blocks whose arrays are read-only are judged all the same."""
    detector = FACTORIES[name](reference, 1e6)
    block = blocks(rows(8, 60), size=60)[0]
    for array in (block.values, block.time_ns, block.latency_s, block.status):
        array.flags.writeable = False
    detector.score(block)
    detector.learn(block)
    assert detector.score(block) == []
