from __future__ import annotations

import copy
import gc
import hashlib
import inspect
import os
import threading
import warnings
import weakref
from typing import TYPE_CHECKING, Any

import driftline
import numpy as np
import onnxruntime as ort  # type: ignore[import-untyped]  # ships no types
import pytest
from driftline import wire
from onnx import TensorProto, helper

from tests.probe import models

if TYPE_CHECKING:
    from pathlib import Path

    from tests.probe.conftest import Rings


def test_results_are_those_of_the_session(rings: Rings, tmp_path: Path) -> None:
    """A watched session returns exactly what the bare one returns, and records what it saw and said."""
    bare = models.session(models.classifier(tmp_path / "m.onnx"))
    watched = driftline.watch(bare, model="digits", version="7")
    for seed in range(5):
        x = models.image(seed=seed)
        np.testing.assert_array_equal(bare.run(None, {"x": x})[0], watched.run(None, {"x": x})[0])
        np.testing.assert_array_equal(bare.run(["y"], {"x": x})[0], watched.run(["y"], {"x": x}, None)[0])
    ring = rings.only()
    assert list(range(1, 11)) == [record.seq for record in ring.records]
    for record in ring.records:
        x = models.image(seed=(record.seq - 1) // 2)
        np.testing.assert_array_equal(x, ring.parts(record)["x"])
        np.testing.assert_array_equal(bare.run(None, {"x": x})[0], ring.parts(record)["y"])
        assert (record.rows, record.status) == (1, wire.STATUS_OK)
        assert 0 < record.duration_ns < 10**9


def test_identity_names_model_file_and_runtime(rings: Rings, tmp_path: Path) -> None:
    """The ring says which file ran, on what, and in which process."""
    path = models.classifier(tmp_path / "m.onnx")
    driftline.watch(
        models.session(path), model="digits", version="7", kind="image", features=["a"], classes=["zero", "one"]
    ).run(None, {"x": models.image()})
    ring = rings.only()
    expected = {
        "model": "digits",
        "version": "7",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "sha256_of": "file",
        "runtime": f"onnxruntime {ort.__version__}",
        "provider": "CPUExecutionProvider",
        "kind": "image",
        "features": ["a"],
        "classes": ["zero", "one"],
    }
    assert expected == ring.identity
    assert os.getpid() == ring.fields["pid"]
    assert ring.path.stat().st_mode & 0o777 == 0o640


def test_model_from_memory_is_identified_by_its_bytes(rings: Rings, tmp_path: Path) -> None:
    """A session made from bytes has the same sha256 as the file those bytes came from."""
    content = models.classifier(tmp_path / "m.onnx").read_bytes()
    driftline.watch(ort.InferenceSession(content), model="m").run(None, {"x": models.image()})
    assert (hashlib.sha256(content).hexdigest(), "bytes") == (
        rings.only().identity["sha256"],
        rings.only().identity["sha256_of"],
    )


def test_stands_for_the_session(rings: Rings, tmp_path: Path) -> None:
    """What a service may do with a session, it may do with the drop-in."""
    bare = models.session(models.classifier(tmp_path / "m.onnx"))
    watched = driftline.watch(bare, model="m")
    assert isinstance(watched, ort.InferenceSession)
    assert bare.__class__ is watched.__class__
    assert dir(bare) == dir(watched)
    assert repr(bare) == repr(watched)
    assert [i.name for i in bare.get_inputs()] == [i.name for i in watched.get_inputs()]
    assert bare.get_providers() == watched.get_providers()
    assert inspect.signature(watched.run).parameters.keys() == inspect.signature(bare.run).parameters.keys()
    watched.note = "kept on the session"
    assert bare.note == "kept on the session"
    del watched.note
    assert not hasattr(bare, "note")
    assert watched is driftline.watch(watched, model="again")
    with pytest.raises(TypeError, match="pickle"):
        copy.deepcopy(watched)
    assert rings.paths() == []


@pytest.mark.parametrize(
    "arguments",
    [
        (None, {}),
        (None, {"x": np.zeros((1, 2, 8, 8), np.float32)}),
        (None, {"x": np.zeros((1, 1, 8, 8), np.float64)}),
        (None, {"wrong": np.zeros(3)}),
        (["no such output"], {"x": np.zeros((1, 1, 8, 8), np.float32)}),
        (None, None),
        (None, {"x": "text"}),
        (),
    ],
)
@pytest.mark.parametrize("warm", [False, True])
def test_exceptions_are_those_of_the_session(rings: Rings, tmp_path: Path, arguments: Any, warm: bool) -> None:  # noqa: FBT001
    """A call that fails does so with the same exception and message, before and after the first good call."""
    bare = models.session(models.classifier(tmp_path / "m.onnx"))
    watched = driftline.watch(bare, model="m")
    if warm:
        watched.run(None, {"x": models.image()})
    with pytest.raises(Exception) as expected:  # noqa: PT011  # whatever it is, it shall be the same
        bare.run(*arguments)
    with pytest.raises(type(expected.value)) as actual:
        watched.run(*arguments)
    assert str(expected.value) == str(actual.value)
    if arguments:
        last = rings.only().records[-1]
        assert last.status == wire.STATUS_ERROR


def test_exception_passes_as_the_same_object(rings: Rings) -> None:
    """The very exception that the model raised arrives, with nothing chained to it."""
    error = KeyboardInterrupt("stop")
    watched = driftline.watch(models.Fake(error), model="m")
    with pytest.raises(KeyboardInterrupt) as caught:
        watched.run(None, {"x": models.image()})
    assert error is caught.value
    assert caught.value.__context__ is None
    assert [record.status for record in rings.only().records] == [wire.STATUS_ERROR]


def test_nan_output(rings: Rings, tmp_path: Path) -> None:
    """NaN and infinity are copied as they are."""
    watched = driftline.watch(
        models.session(models.elementwise(tmp_path / "m.onnx", "Log", TensorProto.FLOAT)), model="m"
    )
    watched.run(None, {"x": np.array([-1, 0, 1], np.float32)})
    ring = rings.only()
    np.testing.assert_array_equal([np.nan, -np.inf, 0], ring.parts(ring.records[0])["y"])


def test_text_is_not_copied(rings: Rings, tmp_path: Path) -> None:
    """A string tensor leaves its shape in the record and nothing of its text in the file."""
    path = models.elementwise(tmp_path / "m.onnx", "Cast", TensorProto.FLOAT, TensorProto.STRING, to=TensorProto.STRING)
    watched = driftline.watch(models.session(path), model="m")
    assert list(watched.run(None, {"x": np.array([1.5, 2.5], np.float32)})[0]) == ["1.5", "2.5"]
    ring = rings.only()
    part = ring.signatures[ring.records[0].signature][1]
    assert (part["layout"], part["dtype"], part["shape"]) == ("absent", "object", [2])
    assert b"2.5" not in ring.path.read_bytes()[wire.HEADER_BYTES :]


def test_maps_of_probabilities_are_kept_by_name(rings: Rings, tmp_path: Path) -> None:
    """What scikit-learn's converters put at the end of a model, a list of dictionaries, becomes named floats."""
    probabilities = helper.make_tensor_value_info("p", TensorProto.FLOAT, ["n", 2])
    maps = helper.make_value_info(
        "y",
        helper.make_sequence_type_proto(
            helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(1, None))
        ),
    )
    node = helper.make_node("ZipMap", ["p"], ["y"], domain="ai.onnx.ml", classlabels_int64s=[3, 8])
    del probabilities
    path = models.save(tmp_path / "m.onnx", [node], [("p", TensorProto.FLOAT, ["n", 2])], [maps])
    watched = driftline.watch(models.session(path), model="m")
    given = np.array([[0.25, 0.75]], np.float32)
    assert watched.run(None, {"p": given})[0] == [{3: 0.25, 8: 0.75}]
    ring = rings.only()
    assert ring.parts(ring.records[0])["y"] == {"3": 0.25, "8": 0.75}


def test_zero_length_batch(rings: Rings, tmp_path: Path) -> None:
    """A batch of no rows is a record of no rows, and the next batch is as usual."""
    watched = driftline.watch(models.session(models.classifier(tmp_path / "m.onnx")), model="m")
    for count in (0, 1, 0, 2):
        assert (count, 10) == watched.run(None, {"x": models.image(count)})[0].shape
    ring = rings.only()
    assert [record.rows for record in ring.records] == [0, 1, 0, 2]
    assert [(n, 1, 8, 8) for n in (0, 1, 0, 2)] == [ring.parts(record)["x"].shape for record in ring.records]
    assert ring.dropped == 0


def test_a_gigabyte_is_sampled_in_no_time(rings: Rings, tmp_path: Path) -> None:
    """An input of 1 GiB costs what a small one costs, and memory for the sample only."""
    node = helper.make_node("Shape", ["x"], ["y"])
    path = models.save(
        tmp_path / "m.onnx", [node], [("x", TensorProto.UINT8, ["n", "h", "w", 3])], [("y", TensorProto.INT64, [4])]
    )
    watched = driftline.watch(models.session(path), model="m")
    x = np.zeros((1, 16384, 21845, 3), np.uint8)  # lazily allocated: no page of it is ever written
    for _ in range(3):
        assert list(watched.run(None, {"x": x})[0]) == [1, 16384, 21845, 3]
    ring = rings.only()
    part = ring.signatures[1][0]
    assert (part["layout"], part["sample_shape"][-1]) == ("sampled", 3)
    assert 1000 < part["bytes"] <= 3000
    assert ring.dropped == 0


def test_shape_change_is_a_new_signature(rings: Rings, tmp_path: Path) -> None:
    """Batches of two sizes with the same model have a signature each, and every record names its own."""
    watched = driftline.watch(models.session(models.classifier(tmp_path / "m.onnx")), model="m")
    for count in (1, 2, 1, 2, 2):
        watched.run(None, {"x": models.image(count)})
    ring = rings.only()
    assert [ring.parts(record)["y"].shape[0] for record in ring.records] == [1, 2, 1, 2, 2]
    assert len(ring.signatures) == 3


def test_a_method_kept_from_before_the_first_call_records(rings: Rings, tmp_path: Path) -> None:
    """`run = session.run` at start-up is recorded like any other call, also when the wrapper itself is gone."""
    run = driftline.watch(models.session(models.classifier(tmp_path / "m.onnx")), model="m").run
    for count in (1, 1, 2, 1):
        run(None, {"x": models.image(count)})
    assert [record.rows for record in rings.only().records] == [1, 1, 2, 1]


def test_session_dies_with_its_wrapper(rings: Rings, tmp_path: Path) -> None:
    """No reference cycle keeps a session, and the device memory behind it, alive until the garbage is collected."""
    bare = models.session(models.classifier(tmp_path / "m.onnx"))
    watched = driftline.watch(bare, model="m")
    watched.run(None, {"x": models.image()})
    alive = weakref.ref(bare)
    gc.disable()
    try:
        del bare, watched
        assert alive() is None
    finally:
        gc.enable()
    assert len(rings.only().records) == 1


def test_other_ways_to_run(rings: Rings, tmp_path: Path) -> None:
    """Bound, OrtValue and asynchronous runs give what they give bare, and are recorded with time and status."""
    bare = models.session(models.classifier(tmp_path / "m.onnx"))
    watched = driftline.watch(bare, model="m")
    x = models.image()
    expected = bare.run(None, {"x": x})[0]
    binding = watched.io_binding()
    binding.bind_cpu_input("x", x)
    binding.bind_output("y")
    assert watched.run_with_iobinding(binding) is None
    np.testing.assert_array_equal(expected, binding.copy_outputs_to_cpu()[0])
    value = ort.OrtValue.ortvalue_from_numpy(x)
    np.testing.assert_array_equal(expected, watched.run_with_ort_values(None, {"x": value})[0].numpy())
    done = threading.Event()
    got: list[Any] = []

    def take(*answer: Any) -> None:
        got.append(answer)
        done.set()

    watched.run_async(None, {"x": x}, take, "mine")
    assert done.wait(10)
    np.testing.assert_array_equal(expected, got[0][0][0])
    assert got[0][1:] == ("mine", "")
    with pytest.raises(ValueError, match="Required inputs"):
        watched.run_with_ort_values(None, {})
    ring = rings.only()
    assert [record.status for record in ring.records] == [0, 0, 0, 1]
    assert ring.parts(ring.records[0]) == {}
    for record in ring.records[1:3]:
        np.testing.assert_array_equal(x, ring.parts(record)["x"])
        np.testing.assert_array_equal(expected, ring.parts(record)["y"])


def test_an_ort_value_between_arrays_is_recorded_too(rings: Rings, tmp_path: Path) -> None:
    """A call that the compiled way cannot read is recorded the general way, without a drop."""
    watched = driftline.watch(models.session(models.classifier(tmp_path / "m.onnx")), model="m")
    x = models.image()
    for given in (x, ort.OrtValue.ortvalue_from_numpy(x), x):
        watched.run(None, {"x": given})
    ring = rings.only()
    for record in ring.records:
        np.testing.assert_array_equal(x, ring.parts(record)["x"])
    assert (len(ring.records), ring.dropped) == (3, 0)


@pytest.mark.parametrize("content", [None, b"this is no model"])
def test_a_bad_model_file_is_the_runtimes_affair(rings: Rings, tmp_path: Path, content: bytes | None) -> None:
    """Where the session cannot be made its own error arrives, and nothing of the probe is left behind."""
    path = tmp_path / "bad.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Exception, match=r"bad\.onnx") as caught:  # onnxruntime's own types
        driftline.watch(ort.InferenceSession(path), model="m")
    assert type(caught.value).__module__.startswith("onnxruntime")
    assert list(rings.directory.iterdir()) == []


def test_a_model_file_that_has_gone_is_watched_without_a_hash(rings: Rings, tmp_path: Path) -> None:
    """A session whose file was removed after loading is recorded all the same."""
    path = models.classifier(tmp_path / "m.onnx")
    bare = models.session(path)
    path.unlink()
    watched = driftline.watch(bare, model="m")
    watched.run(None, {"x": models.image()})
    assert rings.only().identity["sha256"] == ""


def test_one_stream_for_the_same_model_however_often_it_is_watched(rings: Rings, tmp_path: Path) -> None:
    """A service that makes a session per request does not make a ring per request."""
    path = models.classifier(tmp_path / "m.onnx")
    for _ in range(3):
        driftline.watch(models.session(path), model="m").run(None, {"x": models.image()})
    assert [record.seq for record in rings.only().records] == [1, 2, 3]


def test_unsupported_target_is_returned_with_one_warning(rings: Rings) -> None:
    """What cannot be watched is handed back as it is."""
    target = object()
    with pytest.warns(RuntimeWarning, match="neither a session nor a callable") as warned:
        assert target is driftline.watch(target, model="m")
    assert len(warned) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert target is driftline.watch(target, model="m")
    assert rings.paths() == []
