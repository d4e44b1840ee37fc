"""Tiny ONNX models, made on the spot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime as ort  # type: ignore[import-untyped]  # ships no types
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from pathlib import Path

Info = tuple[str, int, list[int | str]]


def save(
    path: Path, nodes: list[Any], inputs: list[Info], outputs: list[Any], weights: dict[str, Any] | None = None
) -> Path:
    """Write a model of the given nodes."""
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(*info) for info in inputs],
        [helper.make_tensor_value_info(*info) if isinstance(info, tuple) else info for info in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (weights or {}).items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return path


def classifier(path: Path, batch: int | str = "n") -> Path:
    """Write a model from an 8 x 8 image to ten scores."""
    weights = {"w": np.arange(640, dtype=np.float32).reshape(64, 10) / 640}
    nodes = [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("MatMul", ["f", "w"], ["y"])]
    return save(
        path, nodes, [("x", TensorProto.FLOAT, [batch, 1, 8, 8])], [("y", TensorProto.FLOAT, [batch, 10])], weights
    )


def elementwise(path: Path, operator: str, kind: int, result: int | None = None, **attributes: Any) -> Path:
    """Write a model of one operator on a vector of any length."""
    node = helper.make_node(operator, ["x"], ["y"], **attributes)
    return save(path, [node], [("x", kind, ["n"])], [("y", kind if result is None else result, ["n"])])


def session(path: Path) -> ort.InferenceSession:
    """Load a model, quietly, on the CPU."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def image(count: int = 1, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return noise in the form of 8 x 8 images."""
    return np.random.default_rng(seed).random((count, 1, 8, 8), dtype=np.float32)


class _Tensor:
    """What a session says of an input or output."""

    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        self.name, self.shape, self.type = name, list(shape), "tensor(float)"


class InferenceSession:
    """A session that answers at once, or raises; it calls itself one of onnxruntime's."""

    def __init__(self, answer: Any, given: tuple[int, ...] = (1, 1, 8, 8)) -> None:
        self._answer, self._given = answer, given

    def get_inputs(self) -> list[_Tensor]:
        """Describe the input."""
        return [_Tensor("x", self._given)]

    def get_outputs(self) -> list[_Tensor]:
        """Describe the output."""
        return [_Tensor("y", getattr(self._answer, "shape", (1,)))]

    def get_providers(self) -> list[str]:
        """Name the provider."""
        return ["FakeExecutionProvider"]

    def run(self, output_names: Any, input_feed: Any, run_options: Any = None) -> list[Any]:
        """Answer, or raise."""
        del output_names, input_feed, run_options
        if isinstance(self._answer, BaseException):
            raise self._answer
        return [self._answer]


InferenceSession.__module__ = "onnxruntime.fake"
Fake = InferenceSession


def same(x: Any) -> Any:
    """Give back what was given."""
    return x


def first(x: Any) -> Any:
    """Give back the first row."""
    return x[:1]


def double(x: Any) -> Any:
    """Give back twice what was given."""
    return x * 2
