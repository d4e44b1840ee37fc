from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import driftline
import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.probe.conftest import Rings


def test_features_and_answer_are_kept_by_name(rings: Rings) -> None:
    """An observation of named floats comes out as it went in."""
    driftline.observe("m", {"a": 1, "b": np.float32(2.5)}, prediction=3, confidence=0.5, latency_s=0.25, version="2")
    ring = rings.only()
    (record,) = ring.records
    assert ring.parts(record) == {
        "features": {"a": 1.0, "b": 2.5},
        "outputs": {"prediction": 3.0, "confidence": 0.5},
    }
    assert [part["role"] for part in ring.signatures[record.signature]] == ["input", "output"]
    assert record.duration_ns == 250_000_000
    assert (ring.identity["model"], ring.identity["version"]) == ("m", "2")


def test_arrays_are_taken_too(rings: Rings) -> None:
    """Features, prediction and outputs may be arrays."""
    driftline.observe("m", np.ones((2, 3)), prediction=np.array([1, 0]), outputs={"logits": np.zeros((2, 2))})
    ring = rings.only()
    parts = ring.parts(ring.records[0])
    assert {name: value.shape for name, value in parts.items()} == {
        "features": (2, 3),
        "prediction": (2,),
        "logits": (2, 2),
    }
    assert ring.records[0].rows == 2


def test_missing_features_are_nan_under_the_same_signature(rings: Rings) -> None:
    """A feature that is not given is missing, not a new kind of call."""
    for features in ({"a": 1.0, "b": 2.0}, {"a": 3.0}, {"b": None, "a": 4.0}):
        driftline.observe("m", features)
    ring = rings.only()
    values = [list(ring.parts(record)["features"].values()) for record in ring.records]
    np.testing.assert_array_equal(values, [[1, 2], [3, math.nan], [4, math.nan]])
    assert {record.signature for record in ring.records} == {1}


def test_a_text_is_recorded_as_missing_and_said_once(rings: Rings) -> None:
    """The numbers beside it are kept, and the service's log says what to send instead."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for _ in range(3):
            driftline.observe("m", {"mode": "auto", "a": 1.0, "b": None})
    (said,) = [str(warning.message) for warning in warned]
    assert "mode: text is not a number and is recorded as missing; send a code" in said
    ring = rings.only()
    assert [ring.parts(record)["features"]["a"] for record in ring.records] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("latency", [None, -1.0, math.nan, math.inf, "soon"])
def test_a_latency_that_is_none_is_zero(rings: Rings, latency: Any) -> None:
    """What is no duration is recorded as not measured, or the observation is dropped; never an exception."""
    with warnings.catch_warnings(record=True):
        driftline.observe("m", {"a": 1.0}, latency_s=latency)
    assert [record.duration_ns for ring in rings.all() for record in ring.records] in ([0], [])


def test_one_ring_a_model(rings: Rings) -> None:
    """Two models have a ring each, whoever observes them and however often."""
    for _ in range(3):
        driftline.observe("a", {"x": 1.0})
        driftline.observe("b", {"x": 1.0})
    assert [len(ring.records) for ring in rings.all()] == [3, 3]


@pytest.mark.parametrize(
    "arguments",
    [
        {"model": None},
        {"model": ["x"]},
        {"features": object()},
        {"features": "text"},
        {"outputs": {1: object()}},
        {"version": []},
    ],
)
def test_nonsense_is_no_reason_to_raise(rings: Rings, arguments: dict[str, Any]) -> None:
    """Whatever is handed over, the service goes on, with at most one warning."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for _ in range(3):
            driftline.observe(**{"model": "m", **arguments})
    assert len(warned) <= 1
    assert len(rings.paths()) <= 1
