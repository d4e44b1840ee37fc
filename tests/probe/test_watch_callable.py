from __future__ import annotations

import array
import asyncio
import signal
from typing import TYPE_CHECKING, Any

import driftline
import numpy as np
import pytest
from driftline import wire

from tests.probe import models

if TYPE_CHECKING:
    from tests.probe.conftest import Rings


class Model:
    """A model that is called, and has more to it than that."""

    threshold = 3

    def __call__(self, x: Any) -> Any:
        """Double it."""
        return x * 2


def test_function_keeps_its_face(rings: Rings) -> None:
    """A watched function has the name, the documentation and the results of the bare one."""

    def predict(x: float, *, offset: float = 0) -> float:
        """Say something."""
        return x + offset

    watched = driftline.watch(predict)
    assert watched(2.0, offset=1) == 3.0
    assert (watched.__name__, watched.__doc__) == ("predict", "Say something.")
    ring = rings.only()
    assert ring.identity["model"] == "predict"
    assert ring.parts(ring.records[0]) == {"input": 2.0, "output": 3.0}


def test_callable_object_keeps_its_attributes(rings: Rings) -> None:
    """A callable object stays an instance of its class, attributes and all."""
    model = Model()
    watched = driftline.watch(model, model="m")
    assert isinstance(watched, Model)
    watched.threshold = 5
    assert model.threshold == 5
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(x * 2, watched(x))
    ring = rings.only()
    np.testing.assert_array_equal(x * 2, ring.parts(ring.records[0])["output"])
    assert ring.records[0].rows == 2


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (3, 3.0),
        (True, 1.0),
        ([1, 2.5], [1.0, 2.5]),
        (array.array("h", [1, -2]), [1, -2]),
        (memoryview(b"\x01\x02"), [1, 2]),
        (np.float32(1.5), 1.5),
        ({"a": 1, "b": None, "c": "text"}, {"a": 1.0, "b": np.nan, "c": np.nan}),
        ("text", None),
        (b"bytes", None),
        (object(), None),
        ([], None),
        (np.array(["a"]), None),
        (np.array([object()]), None),
        (np.datetime64("2020-01-01"), None),
        (2**2000, None),
    ],
)
def test_what_is_kept_of_an_argument(rings: Rings, given: Any, kept: Any) -> None:
    """Arrays and numbers are kept, mappings of numbers by name, text and objects never; the call is always recorded."""
    driftline.watch(lambda _: None, model="m")(given)
    ring = rings.only()
    (record,) = ring.records
    actual = ring.parts(record).get("input")
    if kept is None or isinstance(kept, dict):
        np.testing.assert_equal(actual, kept)
    else:
        np.testing.assert_array_equal(actual, kept)


def test_tuples_and_mappings_of_arrays_are_several_parts(rings: Rings) -> None:
    """A function of several arrays has a part for each."""
    x = {"left": np.ones(3), "right": np.zeros(2)}
    driftline.watch(lambda x: (x["left"], 5.0), model="m")(x)
    ring = rings.only()
    assert list(ring.parts(ring.records[0])) == ["left", "right", "output_0", "output_1"]


def test_a_large_mapping_of_arrays_is_kept_as_time_and_status(rings: Rings) -> None:
    """More arrays than a signature can hold cost their payload, nothing else."""
    driftline.watch(lambda _: None, model="m")({str(n): np.ones(3) for n in range(1000)})
    assert [record.status for record in rings.only().records] == [0]


def test_exception_of_a_function_passes(rings: Rings) -> None:
    """The function's own exception arrives, recorded as an error."""
    error = ValueError("mine")

    def broken(_: Any) -> None:
        raise error

    with pytest.raises(ValueError, match="mine") as caught:
        driftline.watch(broken, model="m")(1.0)
    assert caught.value is error
    assert [record.status for record in rings.only().records] == [wire.STATUS_ERROR]


def test_coroutine_is_timed_to_its_end(rings: Rings) -> None:
    """An async function is recorded when it is done, not when it is called."""

    async def predict(x: float) -> float:
        for _ in range(3):
            await asyncio.sleep(0)
        return x * 2

    watched = driftline.watch(predict, model="m")
    waiting = watched(1.0)
    assert rings.paths() == []
    assert asyncio.run(waiting) == 2.0
    ring = rings.only()
    assert ring.parts(ring.records[0])["output"] == 2.0


def test_signal_handlers_exception_gets_through(rings: Rings) -> None:
    """A time-out raised by a signal handler while the probe is copying is the service's own, and arrives."""

    class TimeOutError(Exception):
        pass

    def handler(*_: Any) -> None:
        raise TimeOutError

    class Interrupted(dict):  # type: ignore[type-arg]
        def values(self) -> Any:
            signal.raise_signal(signal.SIGUSR1)
            return super().values()

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with pytest.raises(TimeOutError):
            driftline.watch(lambda _: None, model="m")(Interrupted(a=1.0))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert rings.paths() == []


def test_names_of_models_make_safe_file_names(rings: Rings) -> None:
    """A model may be called anything; its ring lies in the run directory all the same."""
    driftline.watch(lambda _: None, model="../../etc/pass wd\n\u202e")(1.0)
    (path,) = rings.paths()
    assert path.name.startswith("etc-pass-wd-")


def test_more_models_than_a_process_can_have(rings: Rings) -> None:
    """Past 64 streams a model runs unrecorded, with one warning for all."""
    with pytest.warns(RuntimeWarning, match="more than 64 models") as warned:
        results = [driftline.watch(models.same, model=f"m{number}")(1.0) for number in range(70)]
    assert results == [1.0] * 70
    assert len(warned) == 1
    assert len(rings.paths()) == 64
