from __future__ import annotations

import numpy as np
import pytest

from agent.model import Block, Signal, Stream
from detectors import fit_reference, make_shift_detector
from detectors.archive import Rows, decode_rows
from detectors.training import fit_blocks, in_order_of, refit_reference
from tests.detectors.streams import make_block, seasonal

SIGNALS = (Signal("heat", "input"), Signal("mode", "input", "categorical"), Signal("latency", "runtime", unit="s"))
ROWS = 4_000


def _stream(seed: int, rows: int = ROWS) -> np.ndarray:
    """A signal with a rhythm of 96 rows, a category and a latency."""
    random = np.random.default_rng(seed)
    heat = seasonal(random, rows, 1)[:, 0]
    return np.column_stack((heat, random.integers(0, 3, rows), random.uniform(0.001, 0.002, rows)))


def _block(rows: np.ndarray) -> Block:
    return Block(
        stream=Stream(model="m"),
        signals=SIGNALS,
        time_ns=np.arange(len(rows), dtype=np.int64) * 10**9,
        latency_s=rows[:, 2].astype(np.float64),
        status=np.zeros(len(rows), np.uint8),
        values=rows.astype(np.float32),
    )


def _training(rows: np.ndarray, *, ordered: bool = False) -> bytes:
    """A file without the latency."""
    return Rows(SIGNALS[:2], rows[:, :2].astype(np.float32), np.full(len(rows), np.nan), ordered=ordered).encode()


def _alarms(reference: object, rows: np.ndarray) -> int:
    detector = make_shift_detector(reference, alarms_per=1e5)  # type: ignore[arg-type]
    return len(detector.update(_block(rows)))


def test_a_shuffled_training_file_keeps_the_promise_on_a_stream_with_a_rhythm() -> None:
    """Taken for independent its rows raise alarms on a calm stream; in the stream's own order they raise none."""
    shuffled = np.random.default_rng(1).permutation(_stream(0, 20_000))
    live, later = _stream(2), _stream(3, 12_000)
    naive = fit_reference(shuffled, SIGNALS)
    assert naive.lengths[0] == 0
    assert _alarms(naive, later) > 0
    reference, _ = fit_blocks(SIGNALS, [_block(live)], _training(shuffled), 20_000)
    assert reference.lengths[0] * 8 >= 96
    assert _alarms(reference, later) == 0


def test_a_stream_that_is_not_what_the_model_was_trained_on_is_found() -> None:
    """The levels are the file's, not those of the first rows."""
    shuffled = np.random.default_rng(1).permutation(_stream(0, 20_000))
    live = _stream(2)
    live[:, 0] += 4 * live[:, 0].std()
    reference, _ = fit_blocks(SIGNALS, [_block(live)], _training(shuffled), 20_000)
    assert _alarms(reference, live) > 0


def test_the_values_are_the_files_and_the_order_is_the_streams() -> None:
    """Evenly over the file's distribution, missing values and categories too; largest where the stream is largest."""
    random = np.random.default_rng(0)
    file = np.concatenate((random.exponential(size=9_000), np.full(1_000, np.nan))).astype(np.float32)
    stream = random.normal(size=500).astype(np.float32)
    ordered = file[in_order_of(stream, file, random)]
    assert np.isnan(ordered).mean() == pytest.approx(0.1, abs=0.01)
    assert np.nanmedian(ordered) == pytest.approx(np.nanmedian(file), rel=0.05)
    kept = ~np.isnan(ordered)
    assert (np.argsort(ordered[kept]) == np.argsort(stream[kept])).all()


def test_what_a_file_lacks_comes_from_the_stream() -> None:
    """Latency and whatever only the runtime knows; how many rows there are, too."""
    live = _stream(2, 1_000)
    reference, _ = fit_blocks(SIGNALS, [_block(live)], _training(_stream(0, 5_000)), 20_000)
    assert (reference.rows, [signal.name for signal in reference.signals]) == (1_000, ["heat", "mode", "latency"])
    assert reference.profile.latency[0] == pytest.approx(0.0015, abs=1e-4)


def test_a_file_in_order_keeps_its_own() -> None:
    """Its rows are a stream already; the live ones only fill in what it lacks."""
    file = _stream(0)
    reference, archive = fit_blocks(SIGNALS, [_block(_stream(2, 500))], _training(file, ordered=True), 20_000)
    np.testing.assert_array_equal(decode_rows(archive).values[:, 0], file[:, 0].astype(np.float32))
    assert (reference.rows, reference.lengths[0] * 8 >= 96) == (ROWS, True)


def test_archived_rows_give_the_same_reference_again() -> None:
    """Another version fits its own to them; this one fits the same."""
    reference, archive = fit_blocks(SIGNALS, [_block(_stream(2, 1_000))], b"", 20_000)
    assert refit_reference(archive).encode() == reference.encode()


def test_labels_are_kept_with_the_rows() -> None:
    """What calibrates the estimated accuracy survives another version."""
    correct = np.array([1.0, 0.0, np.nan] * 10)
    rows = Rows(SIGNALS[:1], np.zeros((30, 1), np.float32), np.full(30, np.nan), correct=correct)
    np.testing.assert_array_equal(decode_rows(rows.encode()).correct, correct)


def test_long_archives_keep_the_newest_rows_in_order() -> None:
    """Bounded to 8 MiB before compression."""
    values = np.arange(3_000_000, dtype=np.float32)[:, None]
    rows = decode_rows(Rows(SIGNALS[:1], values, np.full(len(values), np.nan)).encode())
    assert len(rows.values) * (4 + 8) <= 8 << 20
    assert rows.values[-1, 0] == values[-1, 0]
    assert (np.diff(rows.values[:, 0]) == 1).all()


@pytest.mark.parametrize("data", [b"", b"rubbish"])
def test_an_archive_that_is_none_is_refused(data: bytes) -> None:
    """With a ValueError, as every state."""
    with pytest.raises(ValueError, match="no stored reference rows"):
        refit_reference(data)


@pytest.mark.parametrize("ordered", [False, True])
def test_labels_of_a_training_file_calibrate_the_reference(*, ordered: bool) -> None:
    """Whether a file is shuffled or in order, its labels stay with the confidence that they are about."""
    random = np.random.default_rng(20)
    signals = (Signal("heat", "input"), Signal("confidence", "output"))
    file, live = (np.c_[random.normal(size=n), random.uniform(0.5, 1, n)].astype(np.float32) for n in (3_000, 1_000))
    correct = (random.random(3_000) < file[:, 1] ** 2).astype(np.float64)
    block = make_block(live, signals)
    training = Rows(signals, file, np.full(3_000, np.nan), ordered=ordered, correct=correct).encode()
    reference, archive = fit_blocks(signals, [block], training, 20_000)
    again = refit_reference(archive)
    for found in (reference.calibration, again.calibration):
        assert found is not None
        at = np.array([0.6, 0.75, 0.9])
        assert np.abs(found.probability(at) - at**2).max() < 0.08
