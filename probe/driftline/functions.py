"""A wrapper for any callable: its first argument is the input, what it returns the output."""

from __future__ import annotations

import functools
import time
import types
from typing import TYPE_CHECKING, Any, Callable

from driftline import calls, wire

if TYPE_CHECKING:
    from driftline.stream import Stream

now = time.monotonic_ns
PLAIN = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, functools.partial)
_COROUTINE = 0x80  # inspect.CO_COROUTINE, without importing inspect


def watch_function(target: Callable[..., Any], stream: Stream) -> Callable[..., Any]:
    """Wrap a function, a method or a coroutine function."""
    code = getattr(target, "__code__", None)
    wrapped = _watch_coroutine(target, stream) if code and code.co_flags & _COROUTINE else _watch_call(target, stream)
    return functools.update_wrapper(wrapped, target)


class WatchedCallable:
    """Stands for a callable object that has more to it than being called, such as a loaded model."""

    __slots__ = ("__weakref__", "_driftline_call", "_driftline_target")
    __driftline_watched__ = True

    def __init__(self, target: Any, stream: Stream) -> None:
        object.__setattr__(self, "_driftline_target", target)
        object.__setattr__(self, "_driftline_call", _watch_call(target, stream))

    @property  # type: ignore[misc]  # read-only on purpose
    def __class__(self) -> Any:
        return type(self._driftline_target)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the target, and record the call."""
        return self._driftline_call(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driftline_target, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._driftline_target, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._driftline_target, name)

    def __dir__(self) -> list[str]:
        return dir(self._driftline_target)

    def __repr__(self) -> str:
        return repr(self._driftline_target)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._driftline_target.__reduce_ex__(protocol)


def _given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[str, Any]]:
    if args:
        return calls.pairs("input", args[0])
    for name, value in kwargs.items():
        return calls.pairs(name, value)
    return []


def _watch_call(target: Callable[..., Any], stream: Stream) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        start = now()
        try:
            result = target(*args, **kwargs)
        except BaseException:
            _record(stream, args, kwargs, None, start, wire.STATUS_ERROR)
            raise
        _record(stream, args, kwargs, result, start, wire.STATUS_OK)
        return result

    return call


def _watch_coroutine(target: Callable[..., Any], stream: Stream) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        start = now()
        try:
            result = await target(*args, **kwargs)
        except BaseException:
            _record(stream, args, kwargs, None, start, wire.STATUS_ERROR)
            raise
        _record(stream, args, kwargs, result, start, wire.STATUS_OK)
        return result

    return call


def _record(stream: Stream, args: Any, kwargs: Any, result: Any, start: int, status: int) -> None:
    end = now()
    if stream.off:
        return
    try:
        outputs = calls.pairs("output", result) if status == wire.STATUS_OK else []
        stream.record(_given(args, kwargs), outputs, start, end, status)
    except Exception as error:
        stream.failed(error)
