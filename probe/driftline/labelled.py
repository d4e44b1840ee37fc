"""`label`: the truth about an inference, told later and from any process of the device, in a ring of its own.

A label's record is a ring record whose one part is 144 opaque bytes, as `LABEL` says. The ring is like every other:
bounded, the oldest overwritten and counted, read by the agent whenever it comes.
"""

from __future__ import annotations

import math
import os
import struct
import time
from typing import TYPE_CHECKING, Any

from driftline import faults, ids, registry, wire
from driftline.arrays import Opaque

if TYPE_CHECKING:
    from driftline.stream import Stream

now = time.monotonic_ns
LABEL = struct.Struct(wire.LABEL_FORMAT)
RING_MIB = 2.5  # 8192 labels; the agent takes all there are four times a second
_known: dict[str, Stream] = {}
_said: set[str] = set()


def label(id: int | str, truth: float | str, model: str = "", run_dir: str | os.PathLike[str] = "") -> None:  # noqa: A002  # the name that the user's own code has for it
    """Tell what an inference should have said.

    Parameters
    ----------
    id : str or int
        What `observe` was given as `id`, or what `last_id` returned after the inference.
    truth : float or str
        The right class (its number, or its name where the model's names are known), or the right value.
    model : str, optional
        Which model it is about, where several use the same ids.
    run_dir : path, optional
        Where the agent's run directory is; else $DRIFTLINE_RUN, /run/driftline and so on.

    Can be called at any time, hours later too, and by a program that runs no model. A second truth about the same
    inference takes the place of the first. Never raises, never blocks; what cannot be a label is dropped with one
    `RuntimeWarning`. Thousands at once are better sent with `driftline label FILE`: unread labels beyond 8192 are lost.

    Examples
    --------
    ``driftline.label("part-0815", truth=3)``
    """
    try:
        packed = pack(id, truth, model)
        where = os.fspath(run_dir) if run_dir else ""
        stream = _known.get(where) or _stream(where)
        end = now()
        stream.record([("label", Opaque(packed))], (), end, end)
    except Exception as error:
        if faults.is_services_own(error):
            raise
        if "" not in _said:
            _said.add("")
            faults.warn(f"a label was not recorded: {error or type(error).__name__}")


def pack(name: Any, truth: Any, model: str) -> bytes:
    """Return the bytes of a label. Raises ValueError for what is none."""
    value, text = math.nan, b""
    if isinstance(truth, str):
        text = truth.strip().encode("utf-8", "replace")
        if not 0 < len(text) <= wire.LABEL_TEXT:
            raise ValueError(f"a truth in words has 1 to {wire.LABEL_TEXT} bytes, not {len(text)}")
    else:
        value = float(truth)
        if not math.isfinite(value):
            raise ValueError(f"{value} is no truth")
    about = str(model).encode("utf-8", "replace")
    if len(about) > wire.LABEL_MODEL:
        raise ValueError(f"the model's name has {len(about)} bytes, and room is for {wire.LABEL_MODEL}")
    return LABEL.pack(ids.number_of(name), value, len(text), len(about), text, about)


def _stream(run_dir: str) -> Stream:
    identity = {"model": "labels", "kind": "labels"}
    stream = registry.stream_for(identity, run_dir=run_dir, ring_mib=RING_MIB, fixed=True, suffix=wire.LABELS_SUFFIX)
    if not stream.off:
        _known[run_dir] = stream
    return stream
