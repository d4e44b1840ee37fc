from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from examples.meter_camera import digits
from examples.meter_camera.camera import Camera, expose
from examples.meter_camera.session import INPUT, MODEL, MeterSession

IMAGES = 3_000
onnxruntime = pytest.importorskip("onnxruntime")
TRAIN, HELD_OUT = digits.load()


def accuracy(session: Any, fault: str | None = None) -> tuple[float, float]:
    """Return the share that is read rightly, and the mean confidence."""
    camera = Camera(HELD_OUT, 3, fault)
    taken = [camera.take(1.0 if fault else 0.0) for _ in range(IMAGES)]
    probabilities = session.run(None, {INPUT: np.concatenate([image for image, _ in taken])})[0]
    right = probabilities.argmax(axis=1) == np.array([label for _, label in taken])
    return float(right.mean()), float(probabilities.max(axis=1).mean())


def test_the_model_is_small() -> None:
    """At most 100 kB are shipped."""
    assert MODEL.stat().st_size <= 100_000


def test_the_model_takes_images_and_gives_probabilities() -> None:
    """Any number of images in; for each, ten probabilities that sum to 1."""
    answer = MeterSession().run(None, {INPUT: np.zeros((3, 1, 8, 8), np.float32)})[0]
    assert answer.shape == (3, 10)
    assert np.allclose(1.0, answer.sum(axis=1), atol=1e-5)


def test_the_model_reads_held_out_digits_through_the_sensors_noise() -> None:
    """At least 95 % of digits that it never saw, as the camera shows them."""
    assert accuracy(MeterSession())[0] >= 0.95


def test_confidence_does_not_tell_harm() -> None:
    """A dim and a turned camera leave much the same confidence, and a world of difference in accuracy."""
    (dim, dim_confidence), (turned, turned_confidence) = (accuracy(MeterSession(), f) for f in ("dim", "rotate"))
    assert dim > 0.92
    assert turned < 0.5
    assert abs(dim_confidence - turned_confidence) < 0.12


def test_a_fouled_lens_ruins_the_reading() -> None:
    """What the demo shows is a fault worth noticing."""
    assert accuracy(MeterSession(), "fouling")[0] < 0.6


def test_training_again_gives_a_model_as_good() -> None:
    """The script that is shipped with the model makes one like it, nearly so from a third of the exposures."""
    pytest.importorskip("sklearn")
    pytest.importorskip("onnx")
    from examples.meter_camera import train  # noqa: PLC0415  # needs what was just asked for

    model = train.to_onnx(train.train(TRAIN, exposures=7)).SerializeToString()
    assert len(model) <= 100_000
    again = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    assert pytest.approx(accuracy(MeterSession())[0], abs=0.015) == accuracy(again)[0]


def test_training_noise_is_more_than_the_cameras() -> None:
    """Exposing a digit twice gives two images that differ by about the noise asked for."""
    light = np.repeat(HELD_OUT.ink, 5, axis=0)
    rng = np.random.default_rng(0)
    spread = [float((expose(light, rng, noise) - expose(light, rng, noise)).std() / 2**0.5) for noise in (0.03, 0.1)]
    assert pytest.approx(0.03, abs=0.003) == spread[0]
    assert 0.08 < spread[1] < 0.11
