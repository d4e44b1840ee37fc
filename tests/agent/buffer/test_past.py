"""What the dashboard is told of the past, of files and of what waits for them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from msgspec import structs

from agent.baselines import SignalBaseline
from agent.buffer.past import PastReader
from agent.model import Signal
from agent.present import Present
from agent.stream_views import SPANS, since_ns, stream_view
from tests.agent.buffer.blocks import CAMERA, NOW_NS
from tests.agent.buffer.device import RATE, SECOND_NS, Device

if TYPE_CHECKING:
    from pathlib import Path

    from agent.model import Block, Stream
    from agent.screen import StreamView, Zoom

SIGNALS = (
    Signal("brightness", "input"),
    Signal("prediction", "output", "categorical"),
    Signal("confidence", "output"),
)
CLASSES = ("cat", "dog", "owl")
DESCRIBED = (
    SignalBaseline(signal=SIGNALS[0], block_rows=1, missing=0.0, quantiles=((0.0, 0.0), (1.0, 1.0))),
    SignalBaseline(signal=SIGNALS[1], block_rows=1, missing=0.0, categories=((0.0, 0.5), (1.0, 0.5))),
    SignalBaseline(signal=SIGNALS[2], block_rows=1, missing=0.0, quantiles=((0.0, 0.0), (1.0, 1.0))),
)


class Seen(Device):
    """A device whose rows answer `cat`, `dog` and `dog` in turn, .5, .7 and .9 sure, and fail once in 50."""

    def __init__(self, folder: Path, **config: object) -> None:
        super().__init__(folder, **config)
        self.stream: Stream = CAMERA
        self.latency_s = 0.02
        self.names = {CAMERA.key: CLASSES}
        self.reader = PastReader(self.buffer)
        self.buffer.know_reference(CAMERA.key, "r2", DESCRIBED, lambda: {"brightness": 0.25, "confidence": 0.5})

    def block(self, seconds: float = 1.0) -> Block:
        plain = super().block(seconds)
        turn = np.arange(self.rows - len(plain), self.rows) % 3
        values = np.column_stack([np.ones(len(plain)), np.minimum(turn, 1), 0.5 + 0.2 * turn]).astype(np.float32)
        status = (np.arange(len(plain)) % 50 == 0).astype(np.uint8)
        latency = np.full(len(plain), self.latency_s)
        return replace(plain, stream=self.stream, signals=SIGNALS, values=values, status=status, latency_s=latency)

    def view(self, zoom: Zoom) -> StreamView:
        """Draw the stream that runs, of files and of what waits for them."""
        here = Present(self.stream.key, self.clock.wall_ns(), self.stream, names=self.names)
        last, waiting = self.buffer.unstored_minutes(here.model)
        span = SPANS[zoom]
        return stream_view(here, zoom, self.reader.read(here, since_ns(zoom, here.now_ns), span.tile_ns, last, waiting))


@pytest.fixture
def device(tmp_path: Path) -> Seen:
    """A device."""
    return Seen(tmp_path)


@pytest.mark.parametrize("zoom", ["1h", "24h", "7d"])
def test_each_inference_is_in_one_moment(device: Seen, zoom: Zoom) -> None:
    """Open minutes, those that wait and those in files are told apart at every second of the way."""
    for _ in range(8):
        device.run(23)
        view = device.view(zoom)
        assert sum(moment.inferences for moment in view.moments) == device.rows
        assert sum(moment.failed for moment in view.moments) == device.rows // 50
    last, waiting = device.buffer.unstored_minutes(CAMERA.model)
    assert last > 0
    assert waiting  # so all three were there


def test_moments_are_even_and_end_now(device: Seen) -> None:
    """The last one is as long as it has been; a gap has no inferences and no figures."""
    device.run(90)
    device.clock.advance(300)
    device.rows += 300 * RATE
    device.run(30)
    view = device.view("1h")
    starts = [moment.time for moment in view.moments]
    assert len(starts) == 60
    assert {(b - a).total_seconds() for a, b in pairwise(starts)} == {60.0}
    assert (view.time - starts[-1]).total_seconds() == view.moments[-1].seconds == 40.0  # 11:06:40 and 420 s
    ran = [moment for moment in view.moments if moment.inferences]
    assert [moment.inferences / RATE for moment in ran] == [20, 60, 10, 30]
    assert {moment.latency_p50_s for moment in view.moments if not moment.inferences} == {None}
    assert [moment.latency_p99_s for moment in ran] == [pytest.approx(0.02, rel=0.011)] * 4
    assert [moment.confidence for moment in ran] == [pytest.approx(0.7, abs=0.01)] * 4
    assert {moment.evidence for moment in ran} == {0.5}


def test_what_is_known_of_the_past_is_not_read_again(device: Seen) -> None:
    """A second question unpacks only the minutes that were added, and comes to the same."""
    device.run(300)
    first = device.view("24h")
    kept = dict(device.reader._history._kept)
    assert device.view("24h") == first
    assert {key: id(one) for key, one in kept.items()} == {
        key: id(one) for key, one in device.reader._history._kept.items()
    }
    device.run(120)
    assert sum(moment.inferences for moment in device.view("24h").moments) == device.rows


def test_versions_stand_side_by_side_the_running_one_first(device: Seen) -> None:
    """Another file under the same name is a version of its own; another process of the same file is not."""
    device.run(60)
    device.stream = replace_stream(device.stream, pid=9)
    device.run(60)
    device.stream, device.latency_s = replace_stream(device.stream, version="4", sha256="cd" * 32, pid=11), 0.05
    device.run(120)
    new, old = device.view("1h").versions
    assert (new.stream.version, new.stream.pid, old.stream.version, old.stream.pid) == ("4", 11, "3", 9)
    assert (new.inferences, old.inferences) == (120 * RATE, 120 * RATE)
    assert [new.latency_p50_s, old.latency_p50_s] == pytest.approx([0.05, 0.02], rel=0.011)
    assert dict(old.classes) == {"dog": pytest.approx(2 / 3, abs=0.01), "cat": pytest.approx(1 / 3, abs=0.01)}
    assert dict(old.means)["confidence"] == pytest.approx(0.7, abs=0.01)
    assert (old.first.timestamp() * 1e9, old.last < new.last) == (NOW_NS - NOW_NS % (60 * SECOND_NS), True)
    moments = device.view("1h").moments
    assert sum(moment.inferences for moment in moments) == new.inferences  # of the stream that was asked for


def test_classes_have_the_names_of_the_stream(device: Seen) -> None:
    """Where the model names its classes the mix is told by name, the most frequent first."""
    device.run(90)
    (version,) = device.view("1h").versions
    assert [name for name, _ in version.classes] == ["dog", "cat"]


def test_the_distribution_of_the_latency_has_all_of_it(device: Seen) -> None:
    """Shares of the whole span come to one, on bounds that rise, and the outlier is in the last cell."""
    device.run(60)
    device.latency_s = 0.5
    device.run(1)
    view = device.view("1h")
    bounds, shares = zip(*view.latency, strict=True)
    assert list(bounds) == sorted(bounds)
    assert sum(shares) == pytest.approx(1.0)
    assert bounds[-1] >= 0.5 * 0.99
    assert shares[-1] == pytest.approx(1 / 61)
    assert view.latency_before == ()


def test_minutes_of_a_thinned_buffer_are_spread_over_what_they_cover(device: Seen) -> None:
    """A summary of five minutes is no minute with five times the rate."""
    device.buffer.recorder.thin(3)
    device.run(900)
    ran = [moment.inferences for moment in device.view("1h").moments if moment.inferences]
    assert sum(ran) == device.rows
    assert max(ran) <= 70 * RATE


def replace_stream(stream: Stream, **changes: object) -> Stream:
    """Another identity."""
    return structs.replace(stream, **changes)


def test_what_is_known_is_kept_by_the_number_of_its_file(device: Seen) -> None:
    """Which stays when retention takes an older one: the rest is not unpacked anew."""
    device.run(130)
    device.buffer._files.segments.sealed = True  # the next batch begins a segment
    device.run(130)
    device.buffer.commit()
    device.view("24h")
    known = dict(device.reader._history._kept)
    assert len({segment for segment, *_ in known}) == 2
    assert {segment for segment, *_ in known} == {segment.number for segment in device.buffer._files.segments.opened}
