from __future__ import annotations

import numpy as np
import pytest

from examples.meter_camera import digits, faults
from examples.meter_camera.camera import Camera
from examples.meter_camera.faults import FAULTS

TRAIN, HELD_OUT = digits.load()
IMAGES = 400


def take(fault: str | None = None, severity: float = 0.0, seed: int = 1, images: int = IMAGES) -> np.ndarray:
    """Take images, shape (n, 8, 8)."""
    camera = Camera(HELD_OUT, seed, fault)
    return np.concatenate([camera.take(severity)[0] for _ in range(images)])[:, 0]


def sharpness(images: np.ndarray) -> float:
    """Measure the variance of the Laplacian."""
    laplacian = (
        4 * images[:, 1:-1, 1:-1] - images[:, :-2, 1:-1] - images[:, 2:, 1:-1] - images[:, 1:-1, :-2]
        - images[:, 1:-1, 2:]
    )  # fmt: skip
    return float(laplacian.var())


def test_the_file_holds_the_digits_of_scikit_learn() -> None:
    """The shipped array has scikit-learn's values and order."""
    datasets = pytest.importorskip("sklearn.datasets")
    source = datasets.load_digits()
    with np.load(digits.FILE) as arrays:
        assert np.array_equal(source.images, arrays["images"])
        assert np.array_equal(source.target, arrays["labels"])


def test_no_digit_is_both_trained_on_and_shown() -> None:
    """The two parts of the split are all of the digits, and share none."""
    assert len(TRAIN) + len(HELD_OUT) == 1797
    shown = {image.tobytes() for image in HELD_OUT.ink}
    assert not shown & {image.tobytes() for image in TRAIN.ink}


def test_the_camera_shows_the_model_what_it_expects() -> None:
    """An image is one float32 picture of 8 x 8 in [0, 1], in steps of an eight-bit sensor."""
    image, label = Camera(HELD_OUT, 0).take()
    assert image.shape == (1, 1, 8, 8)
    assert image.dtype == np.float32
    assert 0 <= label <= 9
    levels = image * 255
    assert np.allclose(levels, np.rint(levels), atol=1e-4)
    assert 0 <= image.min() <= image.max() <= 1


def test_the_same_seed_shows_the_same_images() -> None:
    """A run can be repeated."""
    assert np.array_equal(take(seed=7, images=20), take(seed=7, images=20))
    assert not np.array_equal(take(seed=7, images=20), take(seed=8, images=20))


def test_no_healthy_pixel_is_constant_and_no_image_repeats() -> None:
    """Noise shows in every pixel, also in those that no digit reaches."""
    images = take()
    assert images.std(axis=0).min() > 0.01
    assert len(np.unique(images.reshape(IMAGES, -1), axis=0)) == IMAGES


def test_a_fault_at_severity_nought_is_health() -> None:
    """Until its onset a camera with a fault shows the very images of a healthy one."""
    for fault in FAULTS:
        assert np.array_equal(take(images=20), take(fault, images=20))


def test_fouling_grows_and_takes_contrast_and_sharpness() -> None:
    """Each step of the fouling leaves less contrast and less sharpness, and raises the dark."""
    stages = [take("fouling", severity) for severity in (0.0, 0.3, 0.6, 1.0)]
    for measure in (sharpness, lambda images: float(images.std(axis=(1, 2)).mean())):
        measured = [measure(stage) for stage in stages]
        assert measured == sorted(measured, reverse=True)
        assert measured[-1] < 0.4 * measured[0]
    assert stages[-1].min() > stages[0].min() + 0.1


def test_dimming_takes_sixty_per_cent_of_the_light() -> None:
    """The light above the black level falls to .4 of what it was."""
    light = [float(images.mean()) - 0.10 for images in (take(), take("dim", 1.0))]
    assert pytest.approx(0.4, abs=0.01) == light[1] / light[0]


def test_rotation_turns_the_picture_by_thirty_degrees() -> None:
    """A spot right of the centre moves up, by 30 degrees, and none of it is lost."""
    spot = np.zeros((8, 8), np.float32)
    spot[3:5, 6] = 1.0  # right of the centre
    turned = faults.turn(spot, 1.0)
    rows, columns = np.mgrid[0:8, 0:8] - 3.5
    angle = np.degrees(np.arctan2(-(turned * rows).sum(), (turned * columns).sum()))
    assert pytest.approx(30.0, abs=2.0) == angle
    assert pytest.approx(2.0, abs=0.1) == turned.sum()


def test_rotation_keeps_what_a_quarter_turn_keeps() -> None:
    """A quarter turn moves pixels and changes none."""
    image = HELD_OUT.ink[0]
    assert np.allclose(np.rot90(image), faults.rotate(image, 90.0), atol=1e-5)


def test_a_stuck_pixel_is_exactly_constant_and_the_only_one() -> None:
    """One pixel reads full brightness in every image; all others still live."""
    spread = take("stuck-pixel", 1.0).std(axis=0)
    assert [tuple(place) for place in np.argwhere(spread == 0)] == [faults.STUCK_AT]
    assert np.all(take("stuck-pixel", 1.0)[:, *faults.STUCK_AT] == 1.0)


def test_a_class_mix_shows_few_classes() -> None:
    """Only some digits come by, and each is as healthy as before."""
    camera = Camera(HELD_OUT, 1, "class-mix")
    assert set(faults.FEW_CLASSES) == {camera.take(1.0)[1] for _ in range(IMAGES)}


def test_slowness_leaves_the_images_alone() -> None:
    """`slow` is the service's own doing: about 20 ms, and the same images."""
    assert FAULTS["slow"].delay_seconds == 0.02
    assert np.array_equal(take(images=20), take("slow", 1.0, images=20))
