"""`watch`: which wrapper fits a target, and what the model behind it is called."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

from driftline import calls, faults, functions, onnx, registry

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")
TEXT_LIMIT = 256
LEAST_MIB, MOST_MIB = 0.25, 1024.0


def watch(
    target: T,
    model: str = "",
    version: str = "",
    kind: str = "",
    features: Sequence[str] | None = None,
    run_dir: str | os.PathLike[str] | None = None,
    ring_mib: float = 8,
    classes: Sequence[str] | None = None,
    *,
    ids: bool = False,
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
    classes : sequence of str, optional
        Names of a classifier's classes by number, so that truths may be told by name.
    ids : bool
        Let `last_id` say what the newest inference is called, to give its truth to `label` later. Costs some 300 ns.

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
        known = {
            "model": str(model)[:TEXT_LIMIT],
            "version": str(version)[:TEXT_LIMIT],
            "kind": str(kind)[:TEXT_LIMIT],
            "features": calls.names(features, "features"),
            "classes": calls.names(classes, "classes"),
        }
        watched: T = _watched(target, known, run_dir, ring_mib, ids=bool(ids))
    except Exception as error:
        if faults.is_services_own(error):
            raise
        faults.warn(f"{_name_of(target)!r} is not watched: {error or type(error).__name__}")
        return target
    return watched


def _watched(target: Any, known: dict[str, Any], run_dir: Any, ring_mib: float, *, ids: bool) -> Any:
    session = onnx.is_session(target)
    if not session and not callable(target):
        raise TypeError(f"{type(target).__module__}.{type(target).__qualname__} is neither a session nor a callable")
    found = onnx.identity_of(target) if session else dict.fromkeys(("sha256", "sha256_of", "runtime", "provider"), "")
    identity = {**known, "model": known["model"] or _name_of(target)[:TEXT_LIMIT], **found}
    stream = registry.stream_for(
        identity,
        run_dir=os.fspath(run_dir) if run_dir else "",
        ring_mib=min(MOST_MIB, max(LEAST_MIB, float(ring_mib))),
        expects=onnx.bytes_of_a_row(target) if session else 0,
        fixed=session and onnx.has_fixed_shapes(target),
        ids=ids,
    )
    if session:
        return onnx.WatchedSession(target, stream)
    if isinstance(target, functions.PLAIN):
        return functions.watch_function(target, stream)
    return functions.WatchedCallable(target, stream)


def _name_of(target: Any) -> str:
    path = getattr(target, "_model_path", None)
    if isinstance(path, str):
        return os.path.splitext(os.path.basename(path))[0]
    return str(getattr(target, "__name__", "") or type(target).__name__)
