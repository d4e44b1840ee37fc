"""One watched model in one process: its ring, the signatures seen, and what becomes of a failure.

Everything that happens on most calls is elsewhere, compiled for one signature (see onnx.py). This is the way for all
other calls: the first one, a new shape, an exception, a ring that has to be looked after. It takes a few microseconds.

No call ever waits for another: where two threads come here at once and one makes the ring, the other's record is
counted as dropped; where one makes a signature, the other's record keeps time and status only.
"""

from __future__ import annotations

import os
import struct
import sys
import threading
import time
from itertools import count
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from driftline import arrays, faults, layout, rundir, sweep, wire
from driftline.identity import this_process
from driftline.ring import WORD, Ring, RingRemovedError, sizes_for
from driftline.shapes import Shapes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftline.layout import Part

now = time.monotonic_ns

MAX_FAILURES = 100
MAX_PLANS = 512
MAX_PARTS = 64
LEAST_PAYLOAD = 256
UNKNOWN_PAYLOAD = 1024
MAX_ROWS = 0xFFFFFFFF
_rest = struct.Struct("@IHBx").pack


class RingNotMadeError(OSError):
    """There is no ring, for a reason that will still be there at the next call."""


class Plan(NamedTuple):
    """How calls of one mark are recorded: the signature's index and one struct over the whole slot."""

    ring: Ring
    pack_into: Callable[..., None]
    signature: int
    rows: int
    parts: tuple[Part, ...]  # those with bytes
    places: tuple[int, ...]  # where their values stand among the call's inputs and outputs

    def rest(self, status: int) -> int:
        """Return the head's rows, signature and status as one word."""
        return int.from_bytes(_rest(self.rows, self.signature, status), sys.byteorder)


class Stream:
    """Where calls of one model are recorded. Nothing that its methods do raises into the service."""

    def __init__(
        self,
        identity: Mapping[str, Any],
        *,
        run_dir: str = "",
        ring_mib: float = 8,
        expects: int = 0,
        fixed: bool = False,
        ids: bool = False,
        suffix: str = wire.SUFFIX,
    ) -> None:
        self.identity = dict(identity)
        self.image = identity.get("kind") == "image"
        self.run_dir = run_dir
        self.expects = expects  # bytes of a usual call, where the model declares it
        self.fixed = fixed  # shapes never change: no room is kept for larger ones
        self.ring_mib = ring_mib
        self.ids = ids  # whether each thread is told what its newest inference is called
        self.suffix = suffix
        self.off = False
        self.dropped = 0
        self._warned = False
        self._renew()

    def _renew(self) -> None:
        self.ring: Ring | None = None
        self._drops = count(self.dropped + 1)
        self._making = threading.Lock()
        self._failures = 0
        self._plans: dict[Any, Plan] = {}
        self._shapes = Shapes()

    def retire(self) -> None:
        """Let go of the ring; the next call opens another."""
        if self.ring is not None:
            self.ring.limit[0] = 0
        self._renew()

    def give_ids(self) -> None:
        """Tell each thread from here on what its newest inference is called; in another ring, if there is one."""
        if not self.ids:
            self.ids = True
            if self.ring is not None:
                self.retire()

    def begin_anew(self) -> None:
        """Be the stream of a forked child, which shares nothing with its parent's."""
        self.dropped = 0
        self.retire()

    def record(self, inputs: Any, outputs: Any, start: int, end: int, status: int = wire.STATUS_OK) -> Plan | None:
        """Record one call; return the plan that was used, or None where nothing was recorded.

        `inputs` and `outputs` are sequences of (name, value).
        """
        if self.off:
            return None
        try:
            return self._record([*inputs], [*outputs], start, end, status)
        except Exception as error:
            self.failed(error)
            return None

    def failed(self, error: Exception) -> None:
        """Count what went wrong; give up on this stream where it cannot go on."""
        if faults.is_services_own(error):
            raise error
        self._failures += 1
        if isinstance(error, RingRemovedError):
            self.retire()
        elif isinstance(error, OSError) or self._failures >= MAX_FAILURES:
            self.switch_off(f"{error or type(error).__name__}")
        self.drop()

    def drop(self) -> None:
        """Count one record that was not written."""
        self.dropped = next(self._drops)
        if self.ring is not None and not self.off:  # a ring that was cut short must not be touched
            self.ring.store_dropped(self.dropped)

    def switch_off(self, reason: str) -> None:
        """Record nothing more, and say so once."""
        self.off = True
        if self.ring is not None:
            self.ring.limit[0] = 0
        if not self._warned:
            self._warned = True
            faults.warn(f"nothing more of model {self.identity['model']!r} is recorded: {reason}")

    def may_write(self, ring: Ring, seq: int) -> bool:
        """Tell whether a record at the ring's limit may be written; looks after the ring."""
        if self.off or ring is not self.ring:
            return False
        try:
            ring.advance(seq)
        except OSError as error:
            ring.limit[0] = 0
            self.failed(error)
            return False
        return True

    def _record(self, inputs: list[Any], outputs: list[Any], start: int, end: int, status: int) -> Plan | None:
        taken: list[bytes] = []
        try:
            plan = self._plan_for(inputs, outputs)
            if plan is None:
                return None
            if plan.parts:
                values = [value for _, value in inputs + outputs]
                taken = [part.take(values[place]) for part, place in zip(plan.parts, plan.places) if part.take]
        except Exception as error:
            if isinstance(error, OSError) or faults.is_services_own(error) or None not in self._plans:
                raise
            self.drop()  # the payload; time and status are still worth having
            plan, taken = self._plans[None], []
        ring = plan.ring
        seq = next(ring.counter)
        if seq >= ring.limit[0] and not self.may_write(ring, seq):
            return None
        at = seq % ring.slots * ring.slot_bytes
        plan.pack_into(ring.view, at, seq, end, end - start, plan.rest(status), *taken, seq)
        return plan

    def _plan_for(self, inputs: list[Any], outputs: list[Any]) -> Plan | None:
        key = (
            tuple([(name, arrays.mark(value)) for name, value in inputs]),
            tuple([(name, arrays.mark(value)) for name, value in outputs]),
        )
        plan = self._plans.get(key)
        if plan is not None:
            return plan
        if not self._making.acquire(blocking=False):
            plan = self._plans.get(None)
            if plan is None:
                self.drop()
            return plan
        try:
            return self._plans.get(key) or self._make(key, inputs, outputs)
        finally:
            self._making.release()

    def _make(self, key: Any, inputs: list[Any], outputs: list[Any]) -> Plan:
        tensors = [
            layout.Tensor(role, name, arrays.describe(value))
            for role, named in (("input", inputs), ("output", outputs))
            for name, value in named
        ]
        if len(tensors) > MAX_PARTS:
            tensors = []
        ring = self.ring
        if ring is None:
            try:
                ring = self._open(tensors)
            except Exception as error:
                if not isinstance(error, OSError) and not faults.is_services_own(error):
                    raise RingNotMadeError(f"{type(error).__name__}: {error}") from error
                raise
        room = ring.slot_bytes - wire.RECORD_OVERHEAD
        rows = min(layout.rows(tensors, image=self.image), MAX_ROWS)
        tensors = self._shapes.bounded(tensors, ring.signatures)
        parts = layout.plan(tensors, room, image=self.image)
        index = self._shapes.index_of(ring, [part.entry for part in parts])
        if index == 0:
            return self._plans[None]
        plan = _plan(ring, parts, index, rows)
        if len(self._plans) >= MAX_PLANS:
            self._plans = {None: self._plans[None]}
        self._plans[key] = plan
        return plan

    def _open(self, tensors: list[layout.Tensor]) -> Ring:
        parts = layout.plan(tensors, layout.ROOM, image=self.image)
        used = sum((part.size + 7) // 8 * 8 for part in parts)
        usual = max(used, self.expects) or UNKNOWN_PAYLOAD  # the first call may be a failed one
        payload = max(LEAST_PAYLOAD, min(layout.ROOM, usual if self.fixed else 2 * usual))
        path, directory = rundir.open_run_directory(self.run_dir)
        try:
            stem = sweep.stem_of(self.identity["model"])
            sizes = sizes_for(payload, self.ring_mib)
            ring = Ring(directory, stem, self.identity, this_process(), sizes, self.suffix)
        finally:
            os.close(directory)
        ring.path = os.path.join(path, ring.name)
        if self.ids:
            ring.remember()
        ring.advance(1)
        self._plans[None] = _plan(ring, [], 0, 1)
        self.ring = ring
        if self.dropped:
            ring.store_dropped(self.dropped)
        return ring


def _plan(ring: Ring, parts: list[Part], index: int, rows: int) -> Plan:
    kept = [(place, part) for place, part in enumerate(parts) if part.size]
    pieces = [f"{part.size}s{-part.size % 8}x" for _, part in kept]
    used = sum((part.size + 7) // 8 * 8 for _, part in kept)
    padding = ring.slot_bytes - wire.RECORD_OVERHEAD - used
    whole = struct.Struct(f"@4{WORD}{''.join(pieces)}{padding}x{WORD}")
    return Plan(ring, whole.pack_into, index, rows, tuple(part for _, part in kept), tuple(place for place, _ in kept))
