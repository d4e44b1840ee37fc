from __future__ import annotations

from typing import TYPE_CHECKING

from agent.baselines import SignalBaseline, silent_notes
from agent.budget import AlarmsConfig
from agent.clock import ManualClock
from agent.model import Signal
from agent.pipeline import Pipeline
from tests.agent.fakes import SIGNALS, ListCollector, MeanReference, MemoryStore, PlainExplainer, block, factories

if TYPE_CHECKING:
    import pytest

MODE = SignalBaseline(signal=Signal("mode", "input"), block_rows=1, missing=1.0)
GAPS = SignalBaseline(signal=Signal("flow", "input"), block_rows=1, missing=0.999)
LATENCY = SignalBaseline(signal=SIGNALS[2], block_rows=1, missing=1.0)


def test_a_signal_that_never_had_a_value_is_told_with_what_to_do() -> None:
    """A text is one; a latency that nobody measures is none, nor is a signal with gaps."""
    assert silent_notes([MODE, GAPS, LATENCY]) == ("mode: never a number; of a text, send a code",)


def test_the_status_of_its_stream_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as the reference is learned."""
    monkeypatch.setattr(MeanReference, "describe", lambda _reference: (MODE,))
    pipeline = Pipeline(
        collectors=[ListCollector([block([0.0] * 10)])], store=MemoryStore(), explainer=PlainExplainer(),
        factories=factories(), clock=ManualClock(), alarms=AlarmsConfig(), commit_seconds=5.0,
    )  # fmt: skip
    pipeline.tick()
    assert pipeline.streams()[0].reference_notes == ("mode: never a number; of a text, send a code",)
