"""Which signals a model's outputs give: classes, boxes, an embedding or numbers, told from shapes, dtypes and names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from collectors.signals.classification import ClassificationSignals, PredictionSignal
from collectors.signals.detection import DetectionSignals, looks_like_detection
from collectors.signals.embedding import EmbeddingSignals
from collectors.signals.regression import RegressionSignals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.ring_header import Part
    from collectors.signals.stored import Extractor, StoredPart

MAX_CLASSES = 64  # more scores than this are an embedding, unless their number or name says that they are classes
_CLASS_COUNTS = {100, 200, 1_000, 1_001, 21_841, 21_843}  # CIFAR, Tiny ImageNet, ImageNet
_CLASS_NAMES = ("prob", "logit", "class", "score", "softmax")
_MAX_VALUES = 16


def output_signals(parts: Sequence[StoredPart], kind: str) -> list[tuple[str, Extractor]]:
    """Choose what to compute of the outputs, with the tensor that each is of."""
    usable = [part for part in parts if part.rows and part.stored_size]
    for boxes in usable:
        for scores in usable:
            if looks_like_detection(boxes, scores) and not scores.sampled:
                return [(scores.part.name, DetectionSignals(scores))]
    labels = [part for part in usable if _is_label(part)]
    tables = [part for part in usable if _is_scores(part, kind)]
    found: list[tuple[str, Extractor]] = []
    if tables:
        paired = labels[0] if len(labels) == len(tables) == 1 else None
        found += [(part.part.name, ClassificationSignals(part, paired)) for part in tables]
    else:
        found += [(part.part.name, PredictionSignal(part)) for part in labels]
    for part in usable:
        if part not in tables and part.dtype.kind == "f":
            if part.row_size > MAX_CLASSES or kind == "embedding":
                found.append((part.part.name, EmbeddingSignals(part, "output")))
            elif part.row_size == 1 or (kind == "regression" and part.row_size <= _MAX_VALUES):
                found.append((part.part.name, RegressionSignals(part)))
    return found


def scores_by_name(part: Part) -> Part | None:
    """Return an output that maps class names to scores, as ONNX's ZipMap gives, as a row of scores; None for others."""
    if part.layout != "named" or part.role != "output" or len(part.names) < 2:  # noqa: PLR2004  # two classes
        return None
    if not any(word in part.name.lower() for word in _CLASS_NAMES):
        return None
    return replace(part, layout="whole", dtype="=f8", shape=[1, len(part.names)], names=[])


def _is_label(part: StoredPart) -> bool:
    return part.dtype.kind in "iu" and part.dtype.itemsize >= 4 and part.row_size == 1  # noqa: PLR2004  # 32-bit codes or wider


def _is_scores(part: StoredPart, kind: str) -> bool:
    """Tell whether each row holds one score a class."""
    if part.sampled or len(part.row_shape) != 1 or kind in {"regression", "embedding", "detection"}:
        return False
    if part.row_size < 2 or not (part.dtype.kind == "f" or part.dtype.itemsize == 1):  # noqa: PLR2004  # two classes
        return False
    name = part.part.name.lower()
    few = part.row_size <= MAX_CLASSES or part.row_size in _CLASS_COUNTS
    return few or kind == "classification" or any(word in name for word in _CLASS_NAMES)
