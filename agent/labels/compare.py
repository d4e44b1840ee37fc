"""Compares what a model said with what is true."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.model import Label
    from agent.truth import Inference

SHOWN = 5


class NotComparableError(ValueError):
    """A label cannot be compared with its inference; the message says why."""


def error_of(inference: Inference, label: Label, classes: Sequence[str], *, values: bool) -> float:
    """Return 0 for a right class and 1 for a wrong one; of a predicted value the absolute error.

    Raises NotComparableError.
    """
    model = inference.stream.model
    if math.isnan(inference.answer):
        raise NotComparableError(f"an inference of {model} gave no answer")
    if label.right is False:
        if values:
            raise NotComparableError(f"{model} answers values: say what would have been right for {inference.answer:g}")
        return 1.0
    truth = truth_of(label, classes, model)
    if values:
        return abs(truth - inference.answer)
    if truth % 1 != 0 or (classes and not 0 <= truth < len(classes)):
        there = f"they are 0 to {len(classes) - 1}: {_some(classes)}" if classes else "classes are whole numbers"
        raise NotComparableError(f"{truth:g} is no class of {model}; {there}")
    return float(truth != inference.answer)


def truth_of(label: Label, classes: Sequence[str], model: str) -> float:
    """Return a truth as a number: as it is, or the number of the class that it names. Raises NotComparableError."""
    if label.value is None and label.text in classes:
        return float(classes.index(label.text))
    number = _number(label)
    if math.isfinite(number):
        return number
    said = repr(label.text) if label.value is None else f"{label.value:g}"
    if not classes:
        raise NotComparableError(
            f"{said} is no number, and the classes of {model} have no names: give them to"
            " driftline.watch(..., classes=[...])"
        )
    raise NotComparableError(f"{said} is no class of {model}; they are {_some(classes)}")


def is_value(inference: Inference, label: Label, classes: Sequence[str]) -> bool:
    """Tell whether the answer is a value: by its kind, or because it or the truth is no whole number.

    Where classes have names it never is; where the model said how sure it is, a truth does not make it one.
    """
    if classes:
        return False
    if inference.kind == "value" or inference.answer % 1 > 0:
        return True
    return math.isnan(inference.confidence) and _number(label) % 1 > 0


def _number(label: Label) -> float:
    if label.value is not None:
        return label.value
    try:
        return float(label.text)
    except ValueError:
        return math.nan


def _some(classes: Sequence[str]) -> str:
    return ", ".join(classes[:SHOWN]) + (", …" if len(classes) > SHOWN else "")
