"""A drop-in for `onnxruntime.InferenceSession` that records what it runs. onnxruntime itself is never imported here.

The wrapper delegates everything; only the methods that run the model are its own. `record` in `_watch_run` starts as
the general way and is replaced by code compiled for the signature at hand once that is known to be one numpy array in
and one out, which is what nearly all models on a device have.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Callable

from driftline import calls, wire
from driftline.identity import digest_of_bytes, digest_of_file

if TYPE_CHECKING:
    from driftline.stream import Plan, Stream

now = time.monotonic_ns
SMALL_VALUE = 4096  # bytes of an OrtValue that may be copied to look into it
OWN = ("run", "run_async", "run_with_iobinding", "run_with_ort_values", "run_with_ortvaluevector")


def is_session(target: Any) -> bool:
    """Tell whether something is an onnxruntime session, by the names in its ancestry."""
    return any(
        base.__name__ == "InferenceSession" and base.__module__.partition(".")[0] == "onnxruntime"
        for base in type(target).__mro__
    )


def identity_of(session: Any) -> dict[str, str]:
    """Return what is known of the model and the runtime. Raises OSError where the model file has gone."""
    content = getattr(session, "_model_bytes", None)
    path = getattr(session, "_model_path", None)
    digest, taken_over = "", ""
    if content:
        digest, taken_over = digest_of_bytes(content), "bytes"
    elif path:
        digest, taken_over = digest_of_file(path)
    runtime = getattr(sys.modules.get("onnxruntime"), "__version__", "")
    providers = session.get_providers()
    return {
        "sha256": digest,
        "sha256_of": taken_over,
        "runtime": f"onnxruntime {runtime}".strip(),
        "provider": str(providers[0]) if providers else "",
    }


def has_fixed_shapes(session: Any) -> bool:
    """Tell whether the model declares all its shapes in full."""
    return all(
        isinstance(tensor.shape, (list, tuple)) and all(isinstance(length, int) for length in tensor.shape)
        for tensor in (*session.get_inputs(), *session.get_outputs())
    )


class WatchedSession:
    """The drop-in. Its class, as `isinstance` sees it, is the session's."""

    __slots__ = ("__weakref__", "_driftline_target", *OWN)
    __driftline_watched__ = True

    def __init__(self, target: Any, stream: Stream) -> None:
        put = object.__setattr__
        put(self, "_driftline_target", target)
        for name, make in _MAKERS.items():
            inner = getattr(target, name, None)
            if inner is not None:
                watched = make(inner, stream, target)
                for attribute in ("__name__", "__qualname__", "__doc__"):
                    setattr(watched, attribute, getattr(inner, attribute, None))
                put(self, name, watched)

    @property  # type: ignore[misc]  # read-only on purpose
    def __class__(self) -> Any:
        return type(self._driftline_target)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driftline_target, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in OWN:  # a method replaced by hand takes the place of the recorded one
            object.__setattr__(self, name, value)
        setattr(self._driftline_target, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._driftline_target, name)

    def __dir__(self) -> list[str]:
        return dir(self._driftline_target)

    def __repr__(self) -> str:
        return repr(self._driftline_target)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._driftline_target.__reduce_ex__(protocol)


def _watch_run(inner: Callable[..., Any], stream: Stream, target: Any) -> Callable[..., Any]:
    names = [output.name for output in target.get_outputs()]
    tensors = (*target.get_inputs(), *target.get_outputs())
    single = len(names) == 1 and len(tensors) == 1 + 1

    record: Callable[..., None]

    def general(output_names: Any, input_feed: Any, result: Any, start: int, end: int) -> None:
        nonlocal record
        plan = stream.record(_inputs(input_feed), _outputs(output_names or names, result), start, end)
        if plan is not None and single and len(plan.parts) == len(tensors):
            ((name, given),) = input_feed.items()
            if _is_sized(tensors[0], given) and _is_sized(tensors[1], result[0]):
                record = _compiled(stream, plan, name, given.nbytes, result[0].nbytes, general)
        elif stream.off:
            record = _nothing

    record = general

    def run(output_names, input_feed, run_options=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        start = now()
        try:
            result = inner(output_names, input_feed, run_options)
        except BaseException:
            stream.record(_inputs(input_feed), (), start, now(), wire.STATUS_ERROR)
            raise
        end = now()
        try:
            record(output_names, input_feed, result, start, end)
        except Exception as error:
            stream.failed(error)
        return result

    return run


def _compiled(
    stream: Stream, plan: Plan, name: str, given: int, returned: int, general: Callable[..., None]
) -> Callable[..., None]:
    """Record one array in and one out. The sizes tell every shape apart, as no tensor has two free axes."""
    ring = plan.ring
    view, slots, slot_bytes, counter, limit = ring.view, ring.slots, ring.slot_bytes, ring.counter, ring.limit
    pack_into, rest = plan.pack_into, plan.rest(wire.STATUS_OK)
    take, take_out = (part.take for part in plan.parts)
    assert take is not None
    assert take_out is not None
    cut = any(part.entry["layout"] != "whole" for part in plan.parts)

    def record(output_names: Any, input_feed: Any, result: Any, start: int, end: int) -> None:
        x = input_feed[name]
        (y,) = result
        if x.nbytes != given or y.nbytes != returned:
            general(output_names, input_feed, result, start, end)
            return
        seq = next(counter)
        if seq >= limit[0] and not stream.may_write(ring, seq):
            general(output_names, input_feed, result, start, end)
            return
        pack_into(view, seq % slots * slot_bytes, seq, end, end - start, rest, x.tobytes(), y.tobytes(), seq)

    def record_cut(output_names: Any, input_feed: Any, result: Any, start: int, end: int) -> None:
        x = input_feed[name]
        (y,) = result
        if x.nbytes != given or y.nbytes != returned:
            general(output_names, input_feed, result, start, end)
            return
        seq = next(counter)
        if seq >= limit[0] and not stream.may_write(ring, seq):
            general(output_names, input_feed, result, start, end)
            return
        pack_into(view, seq % slots * slot_bytes, seq, end, end - start, rest, take(x), take_out(y), seq)

    return record_cut if cut else record


def _watch_async(inner: Callable[..., Any], stream: Stream, target: Any) -> Callable[..., Any]:
    names = [output.name for output in target.get_outputs()]

    def run_async(output_names, input_feed, callback, user_data, run_options=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        start = now()

        def done(results: Any, data: Any, error: str) -> Any:
            status = wire.STATUS_ERROR if error else wire.STATUS_OK
            outputs = () if error else _outputs(output_names or names, results)
            stream.record(_inputs(input_feed), outputs, start, now(), status)
            return callback(results, data, error)

        try:
            return inner(output_names, input_feed, done, user_data, run_options)
        except BaseException:
            stream.record(_inputs(input_feed), (), start, now(), wire.STATUS_ERROR)
            raise

    return run_async


def _watch_values(inner: Callable[..., Any], stream: Stream, target: Any) -> Callable[..., Any]:
    names = [output.name for output in target.get_outputs()]

    def run_with_ort_values(output_names, input_dict_ort_values, run_options=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        start = now()
        try:
            result = inner(output_names, input_dict_ort_values, run_options)
        except BaseException:
            stream.record(_inputs(input_dict_ort_values), (), start, now(), wire.STATUS_ERROR)
            raise
        end = now()
        stream.record(_inputs(input_dict_ort_values), _outputs(output_names or names, result), start, end)
        return result

    return run_with_ort_values


def _watch_time(inner: Callable[..., Any], stream: Stream, target: Any) -> Callable[..., Any]:
    """Record time and status: the arrays are bound elsewhere, perhaps on a device, where a copy would wait for it."""
    del target

    def timed(*args: Any, **kwargs: Any) -> Any:
        start = now()
        try:
            result = inner(*args, **kwargs)
        except BaseException:
            stream.record((), (), start, now(), wire.STATUS_ERROR)
            raise
        stream.record((), (), start, now())
        return result

    return timed


_MAKERS = {
    "run": _watch_run,
    "run_async": _watch_async,
    "run_with_iobinding": _watch_time,
    "run_with_ort_values": _watch_values,
    "run_with_ortvaluevector": _watch_time,
}


def _nothing(*_: Any) -> None:
    """Take the place of recording once it is switched off."""


def _is_sized(tensor: Any, value: Any) -> bool:
    """Tell whether an array's size determines its shape: at most one free axis, and no axis of length 0."""
    shape = tensor.shape
    if not isinstance(shape, (list, tuple)) or len(shape) != len(getattr(value, "shape", ())):
        return False
    fixed = [length for length in shape if isinstance(length, int) and length > 0]
    return len(shape) - len(fixed) <= 1 and hasattr(value, "tobytes") and value.nbytes > 0


def _inputs(feed: Any) -> Any:
    try:
        return [(str(name), _look_into(value)) for name, value in feed.items()]
    except Exception:
        return []  # not a mapping, or worse: the runtime has said so


def _outputs(names: Any, result: Any) -> Any:
    return [pair for name, value in zip(names, result) for pair in calls.one(str(name), _look_into(value))]


def _look_into(value: Any) -> Any:
    """Return the array inside an OrtValue that is small and on the CPU; anything else as it is."""
    if type(value).__name__ != "OrtValue":
        return value
    try:
        if value.is_tensor() and value.device_name() == "cpu" and value.tensor_size_in_bytes() <= SMALL_VALUE:
            return value.numpy()
    except Exception:
        return value
    return value
