"""Severity: from the size of the effect, held near a limit, and never beyond what the cause deserves."""

from __future__ import annotations

import msgspec
import pytest

from agent.model import Effect, Score, Severity, Signal, Stream
from agent.ports import Case
from detectors.cause import CauseExplainer

STREAM = Stream(model="m")
AGE, MIX = Signal("age", "input"), Signal("prediction", "output", "categorical")


def judge(
    ks: float, wasserstein: float, *, noise: float = 0.05, held: Severity | None = None, value: float = 15.0
) -> Severity:
    """Judge one input that moved so far."""
    effect = Effect(
        signal=AGE, psi=1, ks=ks, wasserstein=wasserstein, reference_mean=1, recent_mean=2, rows=500, ks_noise=noise,
        wasserstein_noise=0.1,
    )  # fmt: skip
    score = Score(detector="shift", stream=STREAM, signal=AGE, time_ns=1, row=9, value=value, threshold=13.8)
    return (
        CauseExplainer()
        .explain(Case(stream=STREAM, scores=(score,), effects=(effect,), host=(), changes=(), held=held))
        .severity
    )


@pytest.mark.parametrize(
    ("ks", "wasserstein", "severity"),
    [
        (0.06, 0.05, "info"),
        (0.3, 0.2, "warning"),
        (0.1, 0.4, "warning"),
        (0.7, 0.5, "critical"),
        (0.5, 2.5, "critical"),
    ],
)
def test_severity_follows_the_effect(ks: float, wasserstein: float, severity: str) -> None:
    """Distance and shift each have their limits; the worse of both counts."""
    assert judge(ks, wasserstein) == severity


def test_evidence_does_not_make_it_worse() -> None:
    """A tiny effect with overwhelming evidence is information."""
    assert judge(0.06, 0.05, value=1e6) == "info"


def test_within_chance_nothing_counts() -> None:
    """A large distance of few rows that hang together is what chance gives."""
    assert judge(0.5, 1.5, noise=0.6) == "info"


def test_a_level_is_held_until_the_size_is_clearly_smaller() -> None:
    """Just below its limit a finding stays critical; well below it does not; and none becomes critical there."""
    assert judge(0.5, 1.8) == "warning"
    assert judge(0.5, 1.8, held="critical") == "critical"
    assert judge(0.4, 1.2, held="critical") == "warning"
    assert judge(0.13, 0.25, held="warning") == "warning"
    assert judge(0.13, 0.25) == "info"


def test_the_world_is_a_warning_at_most() -> None:
    """However large, another mix of classes breaks nothing."""
    moved = Effect(
        signal=AGE, psi=1, ks=0.9, wasserstein=3, reference_mean=1, recent_mean=2, rows=500, ks_noise=0.05,
        ks_same_mix=0.02, ks_same_mix_noise=0.06,
    )  # fmt: skip
    mix = msgspec.structs.replace(moved, signal=MIX)
    score = Score(detector="shift", stream=STREAM, signal=MIX, time_ns=1, row=9, value=15, threshold=13.8)
    said = CauseExplainer().explain(Case(stream=STREAM, scores=(score,), effects=(moved, mix), host=(), changes=()))
    assert (said.causes[0].kind, said.severity) == ("world", "warning")
