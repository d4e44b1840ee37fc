"""All streams of this process: one per identity, bounded in number, renewed in a forked child."""

from __future__ import annotations

import os
from typing import Any

from driftline import faults, rundir, sweep, wire
from driftline.stream import Stream

MAX_STREAMS = 64
_streams: dict[tuple[str, ...], Stream] = {}
_state = {"fork hook": False, "full": False}


def stream_for(
    identity: dict[str, Any],
    *,
    run_dir: str = "",
    ring_mib: float = 8,
    expects: int = 0,
    fixed: bool = False,
    ids: bool = False,
    suffix: str = wire.SUFFIX,
) -> Stream:
    """Return the stream of an identity, the same one however often it is asked for."""
    key = (*map(str, identity.values()), run_dir, suffix)
    stream = _streams.get(key)
    if stream is not None:
        if ids:
            stream.give_ids()
        return stream
    stream = Stream(identity, run_dir=run_dir, ring_mib=ring_mib, expects=expects, fixed=fixed, ids=ids, suffix=suffix)
    if len(_streams) >= MAX_STREAMS:
        stream.off = True
        if not _state["full"]:
            _state["full"] = True
            faults.warn(f"more than {MAX_STREAMS} models in one process: {identity['model']!r} is not recorded")
        return stream
    if not _state["fork hook"]:
        _state["fork hook"] = True
        os.register_at_fork(after_in_child=_after_fork)
    _sweep(identity["model"], run_dir, suffix)
    return _streams.setdefault(key, stream)


def _after_fork() -> None:
    for stream in list(_streams.values()):
        stream.begin_anew()


def _sweep(model: str, run_dir: str, suffix: str) -> None:
    try:
        _, directory = rundir.open_run_directory(run_dir)
    except OSError:
        return  # said when the ring is made
    try:
        sweep.remove_stale(directory, sweep.stem_of(model), suffix)
    finally:
        os.close(directory)
