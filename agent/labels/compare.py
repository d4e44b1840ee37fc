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
    if math.isnan(inference.answer):
        raise NotComparableError(f"an inference of {inference.stream.model} gave no answer")
    truth = truth_of(label, classes, inference.stream.model)
    return abs(truth - inference.answer) if values else float(truth != inference.answer)


def truth_of(label: Label, classes: Sequence[str], model: str) -> float:
    """Return a truth as a number: as it is, or the number of the class that it names. Raises NotComparableError."""
    if label.value is not None:
        return label.value
    if label.text in classes:
        return float(classes.index(label.text))
    try:
        number = float(label.text)
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return number
    if not classes:
        raise NotComparableError(
            f"{label.text!r} is no number, and the classes of {model} have no names: give them to"
            " driftline.watch(..., classes=[...])"
        )
    names = ", ".join(classes[:SHOWN]) + (", …" if len(classes) > SHOWN else "")
    raise NotComparableError(f"{label.text!r} is no class of {model}; they are {names}")


def is_value(inference: Inference, label: Label) -> bool:
    """Tell whether the answer is a value: by its kind, or because it or the truth is no whole number."""
    numbers = [inference.answer, label.value]
    return inference.kind == "value" or any(n is not None and math.isfinite(n) and n % 1 != 0 for n in numbers)
