from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.collectors.ring_writer import part
from tests.collectors.signals.signal_case import Calls, of_arrays, of_frames

Array = np.ndarray[Any, Any]
GREY = ["brightness", "contrast", "sharpness", "saturation", "tilt", "repeated_frame", "stuck_pixels"]
COLOUR = [*GREY[:5], "colour_saturation", *GREY[5:]]


def scene(seed: int = 0, size: int = 32) -> Array:
    """A picture with edges, in [0, 1]."""
    rng = np.random.default_rng(seed)
    blocks = rng.random((size // 8, size // 8))
    return (np.kron(blocks, np.ones((8, 8))) * 0.8 + 0.1 + rng.normal(0, 0.01, (size, size))).astype(np.float32)


def blurred(picture: Array) -> Array:
    """The same, out of focus."""
    padded = np.pad(picture, 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5))
    mean: Array = windows.mean(axis=(2, 3), dtype=np.float32)
    return mean


def measured(picture: Array) -> dict[str, float]:
    """The signals of one grey picture."""
    return {name: float(values[0]) for name, values in of_frames(picture[None, None, None]).items()}


@pytest.mark.parametrize(
    ("shape", "dtype", "names"),
    [
        ((1, 1, 8, 8), "f4", GREY),
        ((1, 3, 16, 16), "f4", COLOUR),
        ((1, 16, 16, 3), "u1", COLOUR),
        ((16, 16, 3), "u1", COLOUR),
        ((3, 16, 16), "u1", COLOUR),
        ((16, 16, 4), "u1", COLOUR),
        ((16, 16), "u1", GREY),
        ((5, 16, 16), "u1", GREY),
    ],
)
def test_images_are_known_by_shape_and_dtype(shape: tuple[int, ...], dtype: str, names: list[str]) -> None:
    """Rank 4 with channels at either end, and 8-bit images of lower rank, give the signals of images."""
    found = of_arrays(np.zeros(shape, dtype))
    assert [name for name in found if name != "input_nonfinite"] == names


def test_what_is_no_image() -> None:
    """Float arrays of rank 3 are no images unless the user says so."""
    assert "brightness" not in of_arrays(np.zeros((1, 16, 16), np.float32))
    assert "brightness" in of_arrays(np.zeros((1, 16, 16), np.float32), kind="image")


def test_both_layouts_say_the_same() -> None:
    """Channels first or last, batch or not, scaled integers or floats: the numbers are those of the picture."""
    picture = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)
    last = of_arrays(picture)
    first = of_arrays(np.ascontiguousarray(picture.transpose(2, 0, 1))[None])
    for name, values in last.items():
        np.testing.assert_allclose(first[name], values, rtol=1e-5)
    assert last["brightness"].item() == pytest.approx(picture.mean() / 255, rel=1e-5)


def test_light_does_not_change_sharpness_nor_tilt() -> None:
    """A dimmed picture is darker and flatter, and as sharp and as upright as before."""
    bright, dim = measured(scene()), measured(scene() * np.float32(0.4))
    assert dim["brightness"] == pytest.approx(0.4 * bright["brightness"], rel=1e-4)
    assert dim["contrast"] == pytest.approx(0.4 * bright["contrast"], rel=1e-4)
    assert dim["sharpness"] == pytest.approx(bright["sharpness"], rel=1e-3)
    assert dim["tilt"] == pytest.approx(bright["tilt"], rel=1e-3)


def test_blur_lowers_sharpness_and_not_light() -> None:
    """A blurred picture has a fraction of the sharpness, at the same brightness."""
    sharp, soft = measured(scene()), measured(blurred(scene()))
    assert soft["sharpness"] < 0.2 * sharp["sharpness"]
    assert soft["brightness"] == pytest.approx(sharp["brightness"], rel=0.02)


def test_tilt_sees_a_turned_camera() -> None:
    """Edges along an axis have no tilt, edges at 45 degrees have all of it, and the sign tells the side."""
    rows, columns = np.mgrid[0:32, 0:32]
    along, across = (np.sin(x / 2).astype(np.float32) for x in (columns, rows))
    one, other = (np.sin(x / 3).astype(np.float32) for x in (rows + columns, rows - columns))
    tilts = [measured(picture)["tilt"] for picture in (along, across, one, other)]
    np.testing.assert_allclose(tilts, [0, 0, 1, -1], atol=1e-5)


def test_saturation_is_the_share_of_clipped_pixels() -> None:
    """Integers are clipped at the ends of their dtype, floats where many share an extreme."""
    picture = np.full((16, 16), 100, np.uint8)
    picture[:4] = 255
    picture[4:6] = 0
    assert of_arrays(picture)["saturation"].item() == pytest.approx(6 / 16)
    floats = scene()
    assert measured(floats)["saturation"] == pytest.approx(2 / floats.size)
    assert measured(np.minimum(floats, np.quantile(floats, 0.75)))["saturation"] == pytest.approx(0.25, abs=0.01)


def test_colour_saturation_is_none_for_grey() -> None:
    """A picture in one colour is all colour, a grey one has none."""
    red = np.zeros((16, 16, 3), np.uint8)
    red[:, :, 0] = 200
    assert of_arrays(red)["colour_saturation"].item() == 1.0
    assert of_arrays(np.full((16, 16, 3), 90, np.uint8))["colour_saturation"].item() == 0.0


def test_an_even_surface_is_finite() -> None:
    """A covered lens has no contrast, and still every signal a number."""
    found = measured(np.zeros((16, 16), np.float32))
    assert found == {**dict.fromkeys(GREY, 0.0), "saturation": 1.0, "input_nonfinite": 0.0}


def test_nan_pixels_are_missing_values_and_a_flag() -> None:
    """A picture with NaN has no brightness, and the flag says how much of it is NaN."""
    picture = scene()
    picture[:8] = np.nan
    found = measured(picture)
    assert np.isnan(found["brightness"])
    assert found["input_nonfinite"] == 0.25


def test_a_sampled_image_is_measured_from_its_two_pieces() -> None:
    """Light comes from the strided sample, blur and turning from the patch."""
    sample, patch = scene(1, 16), scene(2, 24)
    whole = part("image", np.zeros((1, 1, 480, 640), np.float32), layout="sampled", bytes=sample.nbytes + patch.nbytes,
                 sample_shape=[1, 16, 16], patch_shape=[1, 24, 24])  # fmt: skip
    found = Calls([whole]).compute([np.concatenate([sample.ravel(), patch.ravel()])])
    from_sample, from_patch = measured(sample), measured(patch)
    for name in ("brightness", "contrast", "saturation"):
        assert found[name].item() == pytest.approx(from_sample[name], rel=1e-5)
    for name in ("sharpness", "tilt"):
        assert found[name].item() == pytest.approx(from_patch[name], rel=1e-4)


def test_two_cameras_are_told_apart() -> None:
    """With more than one image input, signals carry the tensor's name."""
    found = of_arrays(np.zeros((1, 1, 8, 8), np.float32), np.ones((1, 1, 8, 8), np.float32))
    assert (found["x0_brightness"].item(), found["x1_brightness"].item()) == (0.0, 1.0)
    assert "brightness" not in found


def test_a_batch_of_images_is_a_row_each() -> None:
    """Signals of a batch are those of its images in order."""
    found = of_arrays(np.stack([np.full((1, 8, 8), v, np.float32) for v in (0.0, 0.5, 1.0)]))
    assert found["brightness"].tolist() == [[0.0, 0.5, 1.0]]
