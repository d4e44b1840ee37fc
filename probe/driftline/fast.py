"""`run` for one kind of call: one numpy array in, one out, both of known size. What nearly every call of a device is.

Everything is bound in the closure, which holds as little as it can (entering a function costs a nanosecond for each
variable it closes over), and nothing is called that can be spared: this is what a watched call costs. What
does not fit goes to the general way, after the model has run and before anything is written.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable

from driftline import wire

if TYPE_CHECKING:
    from driftline.onnx_runs import GeneralRun
    from driftline.stream import Plan

now = time.monotonic_ns


def compiled(
    inner: Callable[..., Any],
    plan: Plan,
    sizes: tuple[str, int, int],
    otherwise: GeneralRun,
) -> Callable[..., Any]:
    """Return a `run` for calls as `plan` lays them out.

    `sizes` is the input's name and the bytes of input and output. They tell all shapes apart, as neither tensor has
    two free axes. `otherwise` is the general way.
    """
    if any(part.entry["layout"] != "whole" for part in plan.parts):
        return _cut(inner, plan, sizes, otherwise)
    name, given, returned = sizes
    ring, pack_into, rest = plan.ring, plan.pack_into, plan.rest(wire.STATUS_OK)
    view, slots, slot_bytes, counter, limit = ring.view, ring.slots, ring.slot_bytes, ring.counter, ring.limit

    def run(output_names, input_feed, run_options=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        start = now()
        try:
            result = inner(output_names, input_feed, run_options)
        except BaseException:
            otherwise.failed(input_feed, start)
            raise
        end = now()
        try:
            x = input_feed[name]
            (y,) = result
            if x.nbytes == given and y.nbytes == returned:
                seq = next(counter)
                if seq < limit[0] or otherwise.may_write(ring, seq):
                    at = seq % slots * slot_bytes
                    pack_into(view, at, seq, end, end - start, rest, x.tobytes(), y.tobytes(), seq)
                    return result
            otherwise.record(output_names, input_feed, result, start, end)
        except Exception as error:
            otherwise.unusual(error, output_names, input_feed, result, start, end)
        return result

    return run


def _cut(
    inner: Callable[..., Any],
    plan: Plan,
    sizes: tuple[str, int, int],
    otherwise: GeneralRun,
) -> Callable[..., Any]:
    """As `compiled`, where not all of the arrays is kept."""
    name, given, returned = sizes
    ring, pack_into, rest = plan.ring, plan.pack_into, plan.rest(wire.STATUS_OK)
    view, slots, slot_bytes, counter, limit = ring.view, ring.slots, ring.slot_bytes, ring.counter, ring.limit
    take_in, take_out = (part.take for part in plan.parts)
    assert take_in is not None
    assert take_out is not None

    def run(output_names, input_feed, run_options=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        start = now()
        try:
            result = inner(output_names, input_feed, run_options)
        except BaseException:
            otherwise.failed(input_feed, start)
            raise
        end = now()
        try:
            x = input_feed[name]
            (y,) = result
            if x.nbytes == given and y.nbytes == returned:
                seq = next(counter)
                if seq < limit[0] or otherwise.may_write(ring, seq):
                    at = seq % slots * slot_bytes
                    pack_into(view, at, seq, end, end - start, rest, take_in(x), take_out(y), seq)
                    return result
            otherwise.record(output_names, input_feed, result, start, end)
        except Exception as error:
            otherwise.unusual(error, output_names, input_feed, result, start, end)
        return result

    return run
