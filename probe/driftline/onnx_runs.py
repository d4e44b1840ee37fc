"""The methods of an onnxruntime session that run the model, each with its recording around it.

What the runtime raises passes through as it is; the arguments have the names that onnxruntime gives them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable

from driftline import calls, fast, faults, wire

if TYPE_CHECKING:
    from driftline.stream import Plan, Stream

now = time.monotonic_ns
SMALL_VALUE = 4096  # bytes of an OrtValue that may be copied to look into it
Install = Callable[[Callable[..., Any]], None]


class GeneralRun:
    """The way to record a `run` of any kind. Knows nothing of the wrapper, so that no cycle keeps a session alive."""

    __slots__ = ("_inner", "_install", "_names", "_stream", "_tensors", "may_write")

    def __init__(self, inner: Callable[..., Any], stream: Stream, target: Any, install: Install) -> None:
        self._inner, self._stream, self._install = inner, stream, install
        self.may_write = stream.may_write
        self._names = [output.name for output in target.get_outputs()]
        self._tensors = (*target.get_inputs(), *target.get_outputs())

    def record(
        self, output_names: Any, input_feed: Any, result: Any, start: int, end: int
    ) -> Callable[..., Any] | None:
        """Record a result; return the `run` that was put in place for more calls of this kind, if there is one."""
        outputs = _outputs(output_names or self._names, result)
        plan = self._stream.record(_inputs(input_feed), outputs, start, end)
        if self._stream.off:
            method = self._inner
        elif plan is not None and self._is_single(plan, input_feed, result):
            ((name, given),) = input_feed.items()
            method = fast.compiled(self._inner, plan, (name, given.nbytes, result[0].nbytes), self)
        else:
            return None
        self._install(method)
        return method

    def unusual(self, error: Exception, output_names: Any, input_feed: Any, result: Any, start: int, end: int) -> None:
        """Record a call that code made for another kind of call stumbled over."""
        if faults.is_services_own(error):
            raise error
        try:
            self.record(output_names, input_feed, result, start, end)
        except Exception as again:
            self._stream.failed(again)

    def failed(self, input_feed: Any, start: int) -> None:
        """Record an exception of the model."""
        self._stream.record(_inputs(input_feed), (), start, now(), wire.STATUS_ERROR)

    def _is_single(self, plan: Plan, input_feed: Any, result: Any) -> bool:
        if not len(input_feed) == len(self._names) == len(result) == 1 or len(self._tensors) != len(plan.parts):
            return False
        (given,) = input_feed.values()
        return _is_sized(self._tensors[0], given) and _is_sized(self._tensors[1], result[0])


def watch_run(inner: Callable[..., Any], stream: Stream, target: Any, install: Install) -> Callable[..., Any]:
    """Wrap `run`. Once its kind of call is known, code made for it is installed in its place, and called from here."""
    general = GeneralRun(inner, stream, target, install)
    current: Callable[..., Any] | None = None

    def run(output_names, input_feed, run_options=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        nonlocal current
        if current is not None:  # whoever kept this method from before the first call is served as fast
            return current(output_names, input_feed, run_options)
        start = now()
        try:
            result = inner(output_names, input_feed, run_options)
        except BaseException:
            general.failed(input_feed, start)
            raise
        end = now()
        try:
            current = general.record(output_names, input_feed, result, start, end)
        except Exception as error:
            stream.failed(error)
        return result

    return run


def watch_async(inner: Callable[..., Any], stream: Stream, target: Any, _install: Install) -> Callable[..., Any]:
    """Wrap `run_async`: a record is made when the results are there, before the service's callback sees them."""
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


def watch_values(inner: Callable[..., Any], stream: Stream, target: Any, _install: Install) -> Callable[..., Any]:
    """Wrap `run_with_ort_values`."""
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


def watch_time(inner: Callable[..., Any], stream: Stream, _target: Any, _install: Install) -> Callable[..., Any]:
    """Record time and status: the arrays are bound elsewhere, perhaps on a device, where a copy would wait for it."""

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


def _is_sized(tensor: Any, value: Any) -> bool:
    """Tell whether an array's size determines its shape: at most one free axis, and no axis of length 0."""
    shape = tensor.shape
    if not isinstance(shape, (list, tuple)) or not hasattr(value, "tobytes") or len(shape) != len(value.shape):
        return False
    fixed = [length for length in shape if isinstance(length, int) and length > 0]
    return len(shape) - len(fixed) <= 1 and value.nbytes > 0


def _inputs(feed: Any) -> list[tuple[str, Any]]:
    try:
        return [(str(name), _look_into(value)) for name, value in feed.items()]
    except Exception as error:
        if faults.is_services_own(error):
            raise
        return []  # not a mapping: the runtime has said so


def _outputs(names: Any, result: Any) -> list[tuple[str, Any]]:
    try:
        return [pair for name, value in zip(names, result) for pair in calls.one(str(name), _look_into(value))]
    except Exception as error:
        if faults.is_services_own(error):
            raise
        return []


def _look_into(value: Any) -> Any:
    """Return the array inside an OrtValue that is small and on the CPU; anything else as it is."""
    if type(value).__name__ != "OrtValue" or not value.is_tensor() or value.device_name() != "cpu":
        return value
    return value.numpy() if value.tensor_size_in_bytes() <= SMALL_VALUE else value


MAKERS = {
    "run": watch_run,
    "run_async": watch_async,
    "run_with_iobinding": watch_time,
    "run_with_ort_values": watch_values,
    "run_with_ortvaluevector": watch_time,
}
