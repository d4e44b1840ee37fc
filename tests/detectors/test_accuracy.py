"""The detector of a fallen accuracy: exact alarms, quiet streams, and silence where nothing can be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.model import Signal
from agent.truth import LabelledRows
from detectors import fit_reference
from detectors.accuracy import AccuracyDetector
from detectors.estimate import AccuracyEstimator
from examples.meter_camera import digits, faults
from examples.meter_camera.camera import expose
from examples.meter_camera.session import INPUT, MeterSession
from tests.detectors.streams import make_block

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agent.model import AccuracyEstimate

SIGNALS = (
    Signal("heat", "input"), Signal("load", "input"),
    Signal("prediction", "output", "categorical"), Signal("confidence", "output"),
)  # fmt: skip
LOOKS = ("brightness", "contrast", "sharpness", "tilt", "prediction", "confidence")


def served(seed: int, rows: int, hard: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Give rows, `hard` of them besides from where the two classes lie close together, and which are right."""
    rng = np.random.default_rng(seed)
    pool = rng.normal(size=(8 * rows, 2))
    pool[:, 1] += 0.7 * pool[:, 0]
    logit = 2 * pool[:, 0] + pool[:, 1]
    close = np.flatnonzero(np.abs(logit) < 1.2)
    chosen = np.where(rng.random(rows) < hard, rng.choice(close, rows), rng.choice(len(pool), rows))
    x, logit = pool[chosen], logit[chosen]
    stated = 1 / (1 + np.exp(-1.4 * np.abs(logit)))
    return np.c_[x, logit > 0, stated], rng.random(rows) < 1 / (1 + np.exp(-np.abs(logit)))


def run(detector: AccuracyDetector, values: np.ndarray, size: int = 100, start: int = 0) -> list[int]:
    """Feed a stream that goes on at row `start`, and return the rows of the alarms."""
    crossed = []
    for at in range(0, len(values), size):
        block = make_block(values[at : at + size], SIGNALS, start=start + at)
        crossed += [score.row for score in detector.score(block)]
        detector.learn(block)
    return crossed


def test_a_mix_that_grows_harder_is_an_alarm_with_its_onset() -> None:
    """Once more rows are hard, the estimated accuracy falls: an alarm within 400 rows, dated to within 150."""
    values, right = served(0, 1_500)
    detector = AccuracyDetector(fit_reference(values, SIGNALS, correct=right), 1e5)
    quiet, hard = served(1, 2_000)[0], served(2, 600, hard=0.35)[0]
    assert run(detector, quiet) == []
    found = []
    for at in range(0, 600, 50):
        block = make_block(hard[at : at + 50], SIGNALS, start=2_000 + at)
        found += detector.score(block)
        detector.learn(block)
    assert found
    assert found[0].row < 2_400
    assert abs(found[0].onset_row - 2_000) < 150
    assert found[0].detail.startswith("estimated accuracy ")


def test_is_quiet_while_nothing_changes() -> None:
    """12 streams of 10,000 rows with a budget of one in 10,000: 12 alarms are promised at most, few are seen."""
    alarms = 0
    for seed in range(12):
        values, right = served(100 + seed, 1_000)
        detector = AccuracyDetector(fit_reference(values, SIGNALS, correct=right), 1e4)
        alarms += len(run(detector, served(200 + seed, 10_000)[0], 500))
    assert alarms <= 3


@pytest.mark.parametrize("missing", ["labels", "confidence"])
def test_rests_where_nothing_is_calibrated(missing: str) -> None:
    """Without labels the estimate is shown and never an alarm; without confidence there is none."""
    values, right = served(3, 1_000)
    signals = SIGNALS if missing == "labels" else SIGNALS[:3]
    columns = len(signals)
    correct = None if missing == "labels" else right
    detector = AccuracyDetector(fit_reference(values[:, :columns], signals, correct=correct), 1e4)
    hard = served(4, 2_000, hard=0.6)[0][:, :columns]
    for at in range(0, 2_000, 100):
        block = make_block(hard[at : at + 100], signals, start=at)
        assert detector.score(block) == []
        detector.learn(block)
    found = detector.accuracy()
    assert (found is None) == (missing == "confidence")
    assert found is None or not found.calibrated


def test_the_estimate_follows_the_stream() -> None:
    """The estimate is None at first, then made of the newest thousand rows, and survives a restart."""
    values, right = served(5, 1_500)
    reference = fit_reference(values, SIGNALS, correct=right)
    detector = AccuracyDetector(reference, 1e5)
    assert detector.accuracy() is None
    run(detector, served(6, 3_000)[0])
    before = detector.accuracy()
    assert before is not None
    assert (before.rows, before.first_row) == (1_000, 2_000)
    run(detector, served(7, 3_000, hard=0.2)[0], start=3_000)
    after = detector.accuracy()
    assert after is not None
    assert after.estimate < before.estimate - 0.02
    assert after.first_row == 5_000
    restored = AccuracyDetector(reference, 1e5)
    restored.restore(detector.state())
    assert restored.accuracy() == after


class Reader:
    """The example's camera and model, measured as the agent measures them."""

    def __init__(self) -> None:
        self.session = MeterSession()
        _, self.digits = digits.load()

    def read(self, seed: int, rows: int, fault: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Take images, healthy or with a fault in full, and say which are read rightly."""
        rng = np.random.default_rng(seed)
        chosen = rng.integers(0, len(self.digits), rows)
        look = faults.FAULTS[fault].light if fault else None
        ink = self.digits.ink[chosen]
        images = expose(np.stack([look(i, 1.0) for i in ink]) if look else ink, rng)
        chances = self.session.run(None, {INPUT: images[:, None]})[0]
        flat = images.reshape(rows, -1)
        across, down = images[:, 1:-1, 2:] - images[:, 1:-1, :-2], images[:, 2:, 1:-1] - images[:, :-2, 1:-1]
        around = images[:, 1:-1, :-2] + images[:, 1:-1, 2:] + images[:, :-2, 1:-1] + images[:, 2:, 1:-1]
        tilt = 2 * (across * down).sum(axis=(1, 2)) / (across**2 + down**2).sum(axis=(1, 2))
        sharpness = ((around - 4 * images[:, 1:-1, 1:-1]) ** 2).mean(axis=(1, 2)) / flat.var(axis=1)
        answer = chances.argmax(axis=1)
        rows_ = np.c_[flat.mean(axis=1), flat.std(axis=1), sharpness, tilt, answer, chances.max(axis=1)]
        return rows_, answer == self.digits.labels[chosen]


@pytest.mark.parametrize("fault", [None, "dim", "rotate", "fouling"])
def test_a_turned_camera_is_not_taken_for_a_dim_one(fault: str | None) -> None:
    """Dim and turned images are stated with the same confidence: the estimate is void for both, and right before."""
    reader = Reader()
    values, right = reader.read(0, 1_000)
    detector = AccuracyDetector(fit_reference(values, LOOKS, correct=right), 1e5)
    seen, truth = reader.read(1, 1_000, fault)
    signals = fit_reference(values, LOOKS).signals
    assert all(not detector.score(make_block(seen[at : at + 100], signals)) for at in range(0, 1_000, 100))
    detector.learn(make_block(seen, signals))
    found = detector.accuracy()
    assert found is not None
    assert found.valid == (fault is None)
    if fault is None:
        assert found.low <= truth.mean() <= found.high
    else:
        assert found.reason.startswith("inputs differ")


def test_labels_that_come_later_calibrate_and_survive_a_restart() -> None:
    """A detector without labels is uncalibrated until it is given fifty; a restart keeps what they taught."""
    values, right = served(8, 1_500)
    reference = fit_reference(values, SIGNALS)
    detector = AccuracyDetector(reference, 1e5)
    seen, truth = served(9, 1_000)
    run(detector, seen)
    before = detector.accuracy()
    assert before is not None
    assert not before.calibrated
    detector.calibrate(LabelledRows(values[:40, 3].astype(np.float32), right[:40]))
    assert detector.accuracy() == before
    detector.calibrate(LabelledRows(values[:, 3].astype(np.float32), right))
    after = detector.accuracy()
    assert after is not None
    assert after.calibrated
    assert after.low <= truth.mean() <= after.high < before.estimate
    restored = AccuracyDetector(reference, 1e5)
    restored.restore(detector.state())
    assert restored.accuracy() == after


def test_labels_told_again_after_a_restart_cost_no_evidence() -> None:
    """A few labels more than the last time, or the same again, change nothing; a quarter more make it anew."""
    values, right = served(8, 1_500)
    reference = fit_reference(values, SIGNALS)
    rows = [LabelledRows(values[:n, 3].astype(np.float32), right[:n]) for n in (200, 240, 260)]
    detector = AccuracyDetector(reference, 1e9)
    detector.calibrate(rows[0])
    run(detector, served(9, 300, hard=0.6)[0])
    restored = AccuracyDetector(reference, 1e9)
    restored.restore(detector.state())
    before = restored.evidence()["confidence"]
    assert before > 0.05
    for told in rows[:2]:
        restored.calibrate(told)
        assert restored.evidence()["confidence"] == before
    restored.calibrate(rows[2])
    assert restored.evidence()["confidence"] == 0


def test_labels_of_the_reference_itself_outweigh_fewer_later_ones() -> None:
    """A reference with 1,500 labels is not calibrated anew by 100; the floor of its bets stays."""
    values, right = served(8, 1_500)
    detector = AccuracyDetector(fit_reference(values, SIGNALS, correct=right), 1e5)
    before = detector.state()
    detector.calibrate(LabelledRows(values[:100, 3].astype(np.float32), ~right[:100]))
    assert detector.state() == before


def test_failed_calls_are_counted_in_the_onset() -> None:
    """Of 600 rows that a fall lasts each third failed and has no confidence: it is dated to where it began."""
    values, right = served(0, 1_500)
    detector = AccuracyDetector(fit_reference(values, SIGNALS, correct=right), 1e5)
    rows = np.concatenate((served(1, 2_000)[0], served(2, 600, hard=0.5)[0]))
    failed = np.arange(len(rows)) % 3 == 0
    rows[failed] = np.nan
    found = []
    for at in range(0, len(rows), 50):
        some = slice(at, at + 50)
        block = make_block(rows[some], SIGNALS, start=at, status=failed[some].astype(np.uint8))
        found += detector.score(block)
        detector.learn(block)
    assert found
    assert abs(found[0].onset_row - 2_000) < 150


def test_keeps_nothing_of_a_stream_without_confidence() -> None:
    """There is nothing to estimate, and so no row in its state: it is as small as at the start."""
    values, _ = served(3, 1_500)
    detector = AccuracyDetector(fit_reference(values[:1_000, :3], SIGNALS[:3]), 1e4)
    small = len(detector.state())
    block = make_block(values[1_000:, :3], SIGNALS[:3])
    detector.score(block)
    detector.learn(block)
    assert len(detector.state()) < small + 50


class CountingEstimator(AccuracyEstimator):
    """Counts how often it is asked."""

    asked = 0

    def estimate(self, rows: NDArray[np.float32]) -> AccuracyEstimate | None:
        """Count, and answer."""
        CountingEstimator.asked += 1
        return super().estimate(rows)


def test_a_void_estimate_is_not_made_anew_at_every_crossing(monkeypatch: pytest.MonkeyPatch) -> None:
    """While inputs are unknown the sums cross again and again: it is looked at once in 250 rows, and nothing alarms."""
    values, right = served(5, 1_500)
    monkeypatch.setattr("detectors.accuracy.AccuracyEstimator", CountingEstimator)
    detector = AccuracyDetector(fit_reference(values, SIGNALS, correct=right), 1e3)
    unknown = served(6, 2_000)[0]
    unknown[:, 0] += 50
    unknown[:, 3] = 0.5
    assert run(detector, unknown, 25) == []
    assert 4 <= CountingEstimator.asked <= 8
