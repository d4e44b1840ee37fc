"""A drop-in for `onnxruntime.InferenceSession` that records what it runs. onnxruntime itself is never imported here.

The wrapper delegates everything; only the methods that run the model are its own.
"""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any, Callable

from driftline import onnx_runs
from driftline.identity import digest_of_bytes, digest_of_file

if TYPE_CHECKING:
    from driftline.stream import Stream

_SIZES = {
    **dict.fromkeys(("tensor(bool)", "tensor(int8)", "tensor(uint8)"), 1),
    **dict.fromkeys(("tensor(float16)", "tensor(int16)", "tensor(uint16)"), 2),
    **dict.fromkeys(("tensor(float)", "tensor(int32)", "tensor(uint32)"), 4),
    **dict.fromkeys(("tensor(double)", "tensor(int64)", "tensor(uint64)"), 8),
}
OWN = tuple(onnx_runs.MAKERS)


def is_session(target: Any) -> bool:
    """Tell whether something is an onnxruntime session, by the names in its ancestry."""
    return any(
        base.__name__ == "InferenceSession" and base.__module__.partition(".")[0] == "onnxruntime"
        for base in type(target).__mro__
    )


def identity_of(session: Any) -> dict[str, str]:
    """Return what is known of the model and the runtime."""
    content = getattr(session, "_model_bytes", None)
    path = getattr(session, "_model_path", None)
    digest, taken_over = "", ""
    if content:
        digest, taken_over = digest_of_bytes(content), "bytes"
    elif path:
        try:
            digest, taken_over = digest_of_file(path)
        except OSError:  # removed since it was loaded; the model runs all the same
            digest, taken_over = "", ""
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


def bytes_of_a_row(session: Any) -> int:
    """Return how many bytes go in and out by the declared shapes, free axes taken as 1."""
    total = 0
    for tensor in (*session.get_inputs(), *session.get_outputs()):
        size = _SIZES.get(getattr(tensor, "type", ""), 0)
        for length in tensor.shape if isinstance(tensor.shape, (list, tuple)) else ():
            size *= length if isinstance(length, int) and length > 0 else 1
        total += (size + 7) // 8 * 8
    return total


class WatchedSession:
    """The drop-in. Its class, as `isinstance` sees it, is the session's."""

    __slots__ = ("__weakref__", "_driftline_target", *OWN)
    __driftline_watched__ = True

    def __init__(self, target: Any, stream: Stream) -> None:
        put = object.__setattr__
        put(self, "_driftline_target", target)
        for name, make in onnx_runs.MAKERS.items():
            inner = getattr(target, name, None)
            if inner is not None:
                install = _installer(weakref.ref(self), name, inner)
                install(make(inner, stream, target, install))

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


def _installer(where: Callable[[], Any], name: str, inner: Any) -> Callable[[Callable[..., Any]], None]:
    """Return what puts a method in its place; through a weak reference, so that a session dies with its wrapper."""

    def install(method: Callable[..., Any]) -> None:
        if method is not inner:
            for attribute in ("__name__", "__qualname__", "__doc__"):
                setattr(method, attribute, getattr(inner, attribute, None))
        wrapper = where()
        if wrapper is not None:
            object.__setattr__(wrapper, name, method)

    return install
