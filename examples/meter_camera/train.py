"""Trains the camera's classifier and writes model.onnx; needs scikit-learn and onnx (the `dev` extra).

    python -m examples.meter_camera.train

One hidden layer, trained on the images as the sensor shows them: each digit is exposed many times, in more noise and
in a wider range of light than the camera has, which keeps the model from leaning on single pixels. Nothing of the
demo's faults (haze, blur, rotation, strong dimming) is in the training data.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from examples.meter_camera import digits as dataset
from examples.meter_camera.camera import expose

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODEL = Path(__file__).with_name("model.onnx")
HIDDEN = 64
EXPOSURES = 20  # of each training image
TRAINING_NOISE = 0.10
TRAINING_LIGHT = (0.75, 1.1)
EPOCHS = 25
# IR 8 and opset 13 are read by every ONNX Runtime since 1.10.
IR_VERSION, OPSET = 8, 13


def pack(path: Path) -> None:
    """Write scikit-learn's digits as one small file of integers."""
    source = load_digits()
    np.savez_compressed(path, images=source.images.astype(np.uint8), labels=source.target.astype(np.uint8))


def train(digits: dataset.Digits, seed: int = 0, exposures: int = EXPOSURES) -> MLPClassifier:
    """Fit the classifier on noisy exposures of these digits."""
    rng = np.random.default_rng(seed)
    light = np.repeat(digits.ink, exposures, axis=0)
    light = light * rng.uniform(*TRAINING_LIGHT, (len(light), 1, 1)).astype(np.float32)
    pixels = expose(light, rng, TRAINING_NOISE).reshape(len(light), -1)
    network = MLPClassifier(
        (HIDDEN,), alpha=1e-2, batch_size=128, learning_rate_init=2e-3, max_iter=EPOCHS, random_state=seed
    )
    # The matrices are far too small to share out: on a busy machine threads only wait for one another.
    with threadpool_limits(1), warnings.catch_warnings():
        # A fixed number of passes is what is wanted; more of them fit the noise.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return network.fit(pixels, np.repeat(digits.labels, exposures))


def to_onnx(network: MLPClassifier) -> onnx.ModelProto:
    """Write the network out: `image` float32 (N, 1, 8, 8) in, `probabilities` float32 (N, 10) out."""
    weights: list[NDArray[np.float64]] = [*network.coefs_, *network.intercepts_]
    names = ["weights_1", "weights_2", "bias_1", "bias_2"]
    nodes = [
        helper.make_node("Flatten", ["image"], ["pixels"]),
        helper.make_node("Gemm", ["pixels", "weights_1", "bias_1"], ["sums"]),
        helper.make_node("Relu", ["sums"], ["features"]),
        helper.make_node("Gemm", ["features", "weights_2", "bias_2"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "meter-reader",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 8, 8])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", dataset.CLASSES])],
        [numpy_helper.from_array(w.astype(np.float32), name) for name, w in zip(names, weights, strict=True)],
    )
    model = helper.make_model(graph, ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", OPSET)])
    onnx.checker.check_model(model)
    return model


def main() -> None:
    """Pack the digits, train, and write the model."""
    parser = argparse.ArgumentParser(description="Train the meter-reading model.")
    parser.add_argument("--output", type=Path, default=MODEL)
    output = parser.parse_args().output
    pack(dataset.FILE)
    digits, held_out = dataset.load()
    network = train(digits)
    output.write_bytes(to_onnx(network).SerializeToString())
    pixels = expose(held_out.ink, np.random.default_rng(1)).reshape(len(held_out), -1)
    print(f"{output}: {output.stat().st_size} bytes, {network.score(pixels, held_out.labels):.3f} on held-out digits")


if __name__ == "__main__":
    main()
