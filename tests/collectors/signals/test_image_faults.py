from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from collectors.signals.image_faults import MAX_PIXELS, FrameMemory

Array = np.ndarray[Any, Any]


def noise(frames: int, pixels: int = 64, seed: int = 0) -> Array:
    """Frames of a sensor whose every pixel moves."""
    return np.random.default_rng(seed).random((frames, pixels), dtype=np.float32)


def observed(frames: Array, block: int) -> Array:
    """Both flags of every frame, the frames arriving in blocks."""
    memory = FrameMemory()
    return np.concatenate([memory.observe(frames[i : i + block]) for i in range(0, len(frames), block)])


@pytest.mark.parametrize("block", [1, 7, 64, 1_000])
def test_a_repeated_frame_is_seen_across_blocks(block: int) -> None:
    """A frame equal to the one before is flagged, wherever a block begins; the first frame is not."""
    frames = noise(130)
    frames[[5, 6, 64, 65, 129]] = frames[[4, 4, 63, 63, 128]]
    flagged = np.flatnonzero(observed(frames, block)[:, 0]).tolist()
    assert flagged == [5, 6, 64, 65, 129]


@pytest.mark.parametrize("block", [1, 7, 64, 1_000])
def test_stuck_pixels_are_counted_after_a_hundred_frames(block: int) -> None:
    """Pixels that stop are counted from the hundredth frame without a change, and no more once they move."""
    frames = noise(600)
    frames[200:400, [3, 40]] = 0.5
    stuck = observed(frames, block)[:, 1]
    expected = np.zeros(600)
    expected[300:400] = 2  # frame 200 still is a change to .5
    np.testing.assert_array_equal(stuck, expected)


def test_what_never_moved_is_part_of_the_scene() -> None:
    """A border that is constant from the beginning is no fault."""
    frames = noise(1_000)
    frames[:, :10] = 0
    assert observed(frames, 50)[:, 1].max() == 0


def test_a_pixel_that_seldom_moves_is_given_its_time() -> None:
    """A pixel that changes every fiftieth frame is not stuck after a hundred, but is after a thousand."""
    frames = noise(4_000)
    seldom = np.repeat(noise(60, 1, seed=1), 50, axis=0)[:3_000, 0]
    frames[:3_000, 7] = seldom
    frames[3_000:, 7] = 0.25
    stuck = observed(frames, 50)[:, 1]
    assert stuck[:3_900].max() == 0
    assert stuck[-1] == 0
    longer = np.concatenate([frames, noise(200, seed=2)])
    longer[4_000:, 7] = 0.25
    assert observed(longer, 50)[-1, 1] == 1


def test_a_still_picture_has_no_stuck_pixels() -> None:
    """Where most of the picture rests, the scene rests and not the sensor."""
    frames = noise(500)
    frames[200:, :40] = frames[200, :40]
    assert observed(frames, 50)[:, 1].max() == 0


def test_a_service_that_looks_often_does_not_age_its_pixels() -> None:
    """Repeated frames do not count: a slow camera seen three times a frame is as healthy as it is."""
    frames = np.repeat(noise(120), 3, axis=0)
    frames[150:, 5] = 0.5
    found = observed(frames, 20)
    assert found[:, 0].sum() == 240
    assert found[:, 1].max() == 0


def test_nan_pixels_are_compared_by_their_bits() -> None:
    """A frame of NaN that comes again is a repeated frame."""
    frames = np.full((3, 16), np.nan, np.float32)
    assert observed(frames, 3)[:, 0].tolist() == [0, 1, 1]


def test_a_new_size_starts_anew_and_memory_is_bounded() -> None:
    """Another image size forgets the old one, and only the first pixels of a large one are remembered."""
    memory = FrameMemory()
    memory.observe(noise(10))
    large = memory.observe(noise(2, MAX_PIXELS + 100))
    assert large.tolist() == [[0, 0], [0, 0]]
    assert memory._last is not None
    assert memory._last.nbytes == MAX_PIXELS * 4
