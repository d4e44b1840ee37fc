"""What a window says of its reference: where bins end, how far its values are from it, and what detectors saw."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from agent.buffer.outgoing.effects import effects_of
from agent.buffer.summaries import _decoder, pack
from agent.clock import ManualClock
from agent.model import Signal
from agent.outbound import Watched, Window
from agent.summary import SignalSummary as Signals
from agent.summary import bin_edges, binned, moments
from detectors.described import describe_signal
from detectors.distances import kolmogorov, merge, wasserstein
from detectors.profile import fit_profile
from tests.agent.buffer.blocks import CAMERA, NOW_NS, make_block
from tests.agent.buffer.outgoing.summaries import make_numbered
from tests.agent.buffer.test_dating import dated

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from agent.baselines import SignalBaseline

BRIGHTNESS = Signal("brightness", "input")
MODE = Signal("mode", "input", "categorical")


def describe(values: NDArray[np.floating[Any]], signal: Signal = BRIGHTNESS) -> SignalBaseline:
    """Describe a signal as a reference of these rows does."""
    rows = values.reshape(-1, 1).astype(np.float32)
    return describe_signal(rows, fit_profile(rows, np.full(len(rows), 0.1), 1), 1, 0, signal, 0)


def summarise(described: SignalBaseline, values: NDArray[np.floating[Any]]) -> tuple[list[float], Signals]:
    """Bin values as a summary does."""
    edges = bin_edges(described.quantiles, described.categories)
    bins = binned(values.astype(np.float32), np.array(edges, np.float32))
    return edges, Signals(described.signal, moments(values), bins)


@pytest.mark.parametrize("shift", [0.0, 0.5, 2.0, 9.0])
def test_effects_are_those_of_the_rows_as_far_as_bins_tell(shift: float) -> None:
    """KS is no more than the exact one and near it, Wasserstein within an eighth; PSI grows."""
    dice = np.random.default_rng(3)
    ours, theirs = dice.normal(5, 2, 1_000), dice.normal(5 + 2 * shift, 2, 2_000)
    described = describe(ours)
    edges, signal = summarise(described, theirs)
    found = effects_of(described, edges, 1_000, signal)
    assert found is not None
    exact = merge(np.sort(ours), np.sort(theirs))
    assert kolmogorov(exact) - 0.05 < found.ks <= kolmogorov(exact) + 1e-6
    assert found.wasserstein == pytest.approx(wasserstein(exact) / ours.std(), abs=0.06, rel=0.12)
    assert (found.psi < 0.05) == (shift == 0)


def test_a_value_that_is_often_met_makes_no_false_effect() -> None:
    """Half of all values are zero, in the reference and after it: nothing is far."""
    dice = np.random.default_rng(4)
    draw = [np.where(dice.random(2_000) < 0.5, 0.0, dice.normal(1, 1, 2_000)) for _ in range(2)]
    described = describe(draw[0])
    edges, signal = summarise(described, draw[1])
    found = effects_of(described, edges, 1_000, signal)
    assert found is not None
    assert (found.psi < 0.05, found.ks < 0.05) == (True, True)


def test_categories_are_told_by_their_shares() -> None:
    """The distance of two mixes is how much of one has to change to be the other; codes have no distance."""
    described = describe(np.array([0.0] * 500 + [1.0] * 500), MODE)
    edges, signal = summarise(described, np.array([0.0] * 300 + [1.0] * 500 + [2.0] * 200))
    found = effects_of(described, edges, 1_000, signal)
    assert found is not None
    assert found.ks == pytest.approx(0.2)
    assert found.wasserstein is None


def test_a_window_is_told_by_its_own_reference_after_a_restart(tmp_path: Path) -> None:
    """Edges and effects are those of the reference that its bins are of, an older one too; of an unknown one none."""
    dice = np.random.default_rng(5)
    first, second = describe(dice.normal(0, 1, 500)), describe(dice.normal(9, 1, 500))
    device = ManualClock(NOW_NS)
    with dated(tmp_path, device) as (buffer, _):
        buffer.know_reference(CAMERA.key, "r1", [first])
        buffer.know_reference(CAMERA.key, "r2", [second])
    with dated(tmp_path, device) as (buffer, _):
        for name, described in (("r1", first), ("r2", second), ("r3", None)):
            signal = summarise(described or first, dice.normal(0, 1, 100))[1]
            one = msgspec.structs.replace(
                make_numbered(1, 0).summary, stream=CAMERA, reference=name, signals=(signal,),
                evidence={"brightness": 0.25},
            )  # fmt: skip
            window = buffer.outbox.stored.completed(Window(summary=one, total=one))
            (watched,) = window.watched
            if described is None:
                assert (window.edges, watched) == ({}, Watched(BRIGHTNESS, 0.25))
            else:
                assert window.edges == {"brightness": tuple(bin_edges(described.quantiles, ()))}
                assert (watched.evidence, (watched.psi or 0) > 1) == (0.25, name == "r2")


def test_a_minute_keeps_what_the_detectors_saw(tmp_path: Path) -> None:
    """The evidence is asked for when a minute ends, stored with it, and the highest of minutes that are merged."""
    device = ManualClock(NOW_NS)
    shares = iter([{"brightness": 0.5}, {"brightness": 0.25, "contrast": 0.125}])
    with dated(tmp_path, device) as (buffer, _):
        buffer.know_reference(CAMERA.key, "r1", [describe(np.arange(100.0))], lambda: next(shares))
        for minute in range(2):
            buffer.append([make_block(5, first=5 * minute, time_ns=device.wall_ns())], [])
            device.advance(70)
            buffer.append([], [])
        buffer.commit()
        one, other = (summary for _, summary in buffer.summaries_since(0))
        assert (one.evidence, other.evidence) == ({"brightness": 0.5}, {"brightness": 0.25, "contrast": 0.125})
        assert one.merge(other).evidence == {"brightness": 0.5, "contrast": 0.125}


def test_a_summary_of_before_there_was_evidence_is_read() -> None:
    """What an earlier version packed has none."""
    packed = msgspec.msgpack.decode(zlib.decompress(pack(make_numbered(1, 0).summary, 300)))
    assert _decoder.decode(msgspec.msgpack.encode(packed[:-1])).evidence == {}
