"""`watch`: which wrapper fits a target, and what the model behind it is called."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, TypeVar

from driftline import faults, functions, onnx, registry

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")
TEXT_LIMIT = 256
NAMES_LIMIT = 12_000  # bytes, of the 16 kB that the ring's header has for all identity
LEAST_MIB, MOST_MIB = 0.25, 1024.0


def watch(
    target: T,
    model: str = "",
    version: str = "",
    kind: str = "",
    features: Sequence[str] | None = None,
    run_dir: str | os.PathLike[str] | None = None,
    ring_mib: float = 8,
) -> T:
    """Return a drop-in for a model that records every call in a ring for the Driftline agent.

    Parameters
    ----------
    target : onnxruntime.InferenceSession or callable
        The model. Anything else is returned as it is, with a warning.
    model, version : str
        What people call it; without a name, that of the model file or of the function.
    kind : {"", "image", "tabular", "audio", "classification", ...}
        A hint for the agent, which otherwise goes by shapes. "image" also says that an input is one image.
    features : sequence of str, optional
        Names of the columns of a tabular input.
    run_dir : path, optional
        Where the ring shall lie; else $DRIFTLINE_RUN, /run/driftline and so on.
    ring_mib : float
        About how large the ring may become.

    Never raises, never blocks; exceptions of the model pass through untouched.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     double = watch(lambda x: 2 * x, model="doubler", run_dir=directory)
    ...     double(4.0)
    8.0
    """
    try:
        if getattr(type(target), "__driftline_watched__", False):
            return target
        watched: T = _watched(target, str(model), str(version), str(kind), features, run_dir, ring_mib)
    except Exception as error:
        if faults.is_services_own(error):
            raise
        faults.warn(f"{_name_of(target)!r} is not watched: {error or type(error).__name__}")
        return target
    return watched


def _watched(target: Any, model: str, version: str, kind: str, features: Any, run_dir: Any, ring_mib: float) -> Any:
    session = onnx.is_session(target)
    if not session and not callable(target):
        raise TypeError(f"{type(target).__module__}.{type(target).__qualname__} is neither a session nor a callable")
    known = onnx.identity_of(target) if session else dict.fromkeys(("sha256", "sha256_of", "runtime", "provider"), "")
    identity: dict[str, Any] = {
        "model": (model or _name_of(target))[:TEXT_LIMIT],
        "version": version[:TEXT_LIMIT],
        **known,
        "kind": kind[:TEXT_LIMIT],
        "features": _columns(features),
    }
    stream = registry.stream_for(
        identity,
        run_dir=os.fspath(run_dir) if run_dir else "",
        ring_mib=min(MOST_MIB, max(LEAST_MIB, float(ring_mib))),
        expects=onnx.bytes_of_a_row(target) if session else 0,
        fixed=session and onnx.has_fixed_shapes(target),
    )
    if session:
        return onnx.WatchedSession(target, stream)
    if isinstance(target, functions.PLAIN):
        return functions.watch_function(target, stream)
    return functions.WatchedCallable(target, stream)


def _columns(features: Any) -> list[str]:
    names = [str(name)[:TEXT_LIMIT] for name in features or ()]
    if len(json.dumps(names)) > NAMES_LIMIT:
        faults.warn(f"the names of {len(names)} features are too long to keep; the columns go by number")
        return []
    return names


def _name_of(target: Any) -> str:
    path = getattr(target, "_model_path", None)
    if isinstance(path, str):
        return os.path.splitext(os.path.basename(path))[0]
    return str(getattr(target, "__name__", "") or type(target).__name__)
