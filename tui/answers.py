"""Recorded inferences as lines: what the model said, how sure it was, and what is known to be true."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui import format as fmt
from tui.spans import clip, cut, fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.screen import Answer
    from tui.spans import Line, Span

_SHOWN = frozenset({"prediction", "confidence", "latency"})  # in columns of their own
_SAID = 12
_TRUTH = 14
_VALUE = 10
_FIXED = 12 + 1 + _SAID + 1 + 4 + 1 + 7 + 1 + _TRUTH


def in_columns(signals: Sequence[str], first: Sequence[str] = ()) -> list[int]:
    """Return the places of the signals in the order in which they are shown: `first`, then the others.

    Those that every row shows anyway are left out.
    """
    wanted = [*(name for name in first if name in signals), *(name for name in signals if name not in first)]
    return [signals.index(name) for name in wanted if name not in _SHOWN]


def answer_columns(signals: Sequence[str], width: int) -> str:
    """Give the titles over `answer_line`, with as many signals as there is room for."""
    titles = f"{'time':12} {'answer':{_SAID}} {'sure':>4} {'took':>7} {'label':{_TRUTH}}"
    return cut(titles + "".join(f" {fit(name, _VALUE, 'right')}" for name in signals[: _room(width)]), width)


def answer_line(answer: Answer, columns: Sequence[int], width: int, told: str = "") -> Line:
    """Give one inference; `columns` are the places of the signals that are shown, `told` what was just said of it."""
    said = "failed" if answer.status else answer.said or fmt.UNKNOWN
    values = (answer.values[at] if at < len(answer.values) else None for at in columns[: _room(width)])
    local = answer.time.astimezone()
    return clip(
        (
            (f"{local:%H:%M:%S}.{local.microsecond // 1000:03} ", "quiet"),
            (f"{fit(said, _SAID)} ", "warning" if answer.status else "strong"),
            (f"{fmt.percent(answer.confidence):>4} {fmt.latency(answer.latency_s):>7} ", "plain"),
            _truth(answer, told),
            ("".join(f" {fmt.value(value):>{_VALUE}}" for value in values), "quiet"),
        ),
        width,
    )


def _room(width: int) -> int:
    return max(0, (width - _FIXED) // (_VALUE + 1))


def _truth(answer: Answer, told: str) -> Span:
    if told:
        return fit(told, _TRUTH), "learning"
    if not answer.id:
        return fit("has no id", _TRUTH), "quiet"
    if answer.right is None and not answer.truth:
        return " " * _TRUTH, "plain"
    if answer.right:
        return fit("✓ right", _TRUTH), "ok"
    if answer.right is None:
        return fit(f"is {answer.truth}", _TRUTH), "plain"
    return fit(f"x wrong, is {answer.truth}" if answer.truth else "x wrong", _TRUTH), "warning"
