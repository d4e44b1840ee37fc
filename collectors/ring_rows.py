"""Turns the records of one ring into rows: signals computed, batches expanded, changes of shape noticed.

A stream keeps the columns of its first kind of call for as long as the ring lives; where a later call lacks one, the
value is missing. Memory is bounded by the number of signatures that a ring may have.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from driftline import wire
from driftline.ids import ROW_BITS

from collectors.ring_header import RingError
from collectors.signals.contract import difference
from collectors.signals.plan import LATENCY, SignalPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from agent.model import Signal
    from collectors.ring_file import Records
    from collectors.ring_header import Identity, Signature
    from collectors.signals.contract import Difference
    from collectors.signals.image_faults import FrameMemory

_MAX_CHANGES = 8  # shapes seen by then are how the stream is: an axis that varies is no news


# What a header may claim costs its writer nothing and the agent memory: 4 bytes a value, several times over.
MAX_CALL_VALUES = 65_536  # of one call; the probe copies at most 4 kB of it
MAX_VALUES = 8_000_000  # of all calls that are read at once


@dataclass(slots=True)
class Rows:
    """Rows in the order of their records; times on the clock of the ring.

    `changes` holds, with the time of the first call of its kind, what differs from the kinds of call seen before.
    `last_seq` is the number of the last record that was read. `uncopied` counts rows of
    batches too large for the probe to copy.
    """

    signals: tuple[Signal, ...]
    end_ns: NDArray[np.int64]
    latency_s: NDArray[np.float64]
    status: NDArray[np.uint8]
    values: NDArray[np.float32]
    ids: NDArray[np.uint64]
    last_seq: int
    uncopied: int = 0
    changes: list[tuple[int, Difference]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.end_ns)


class RowMaker:
    """Makes rows of the records of one ring."""

    def __init__(self, identity: Identity, first_id: int = 0) -> None:
        self._identity = identity
        self._first_id = np.uint64(first_id)
        self._plans: dict[int, SignalPlan] = {}
        self._memories: dict[str, FrameMemory] = {}
        self._columns: tuple[Signal, ...] | None = None
        self._current = -1
        self._known: set[int] = set()
        self._changes = 0

    def make(self, records: Records, signatures: Sequence[Signature]) -> Rows:
        """Return the rows of records whose signature numbers are all within `signatures`."""
        heads = records.heads
        number = heads["signature"].astype(np.intp)
        failed = heads["status"] != wire.STATUS_OK
        used = [int(i) for i in np.unique(number[~failed])]
        ends = np.minimum(heads["end_ns"], np.uint64(1 << 62)).astype(np.int64)
        changes = self._notice(number, failed, used, ends, signatures)
        columns = self._fix_columns(used, signatures)
        counts = failed.astype(np.intp)
        uncopied = 0
        for index in used:
            plan = self._plan(index, signatures)
            calls = (number == index) & ~failed
            counts[calls] = np.minimum(heads["rows"][calls], plan.rows)
            uncopied += int(heads["rows"][calls].sum(dtype=np.int64) - counts[calls].sum())
        if int(counts.sum()) * len(columns) > MAX_VALUES:
            raise RingError(f"{len(heads)} records claim {int(counts.sum())} rows of {len(columns)} signals")
        starts = np.cumsum(counts) - counts
        values = np.full((int(counts.sum()), len(columns)), np.nan, np.float32)
        ids = np.repeat(self._first_id + (heads["seq"] << np.uint64(ROW_BITS)), counts)
        ids += (np.arange(len(ids)) - np.repeat(starts, counts)).astype(np.uint64)
        for index in used:
            chosen = np.flatnonzero((number == index) & ~failed)
            if counts[chosen].any():
                slots = records.slots if len(chosen) == len(heads) else records.slots[chosen]
                self._fill(values, self._plans[index], slots, columns, counts[chosen], starts[chosen])
                _name(ids, self._plans[index].own_ids(slots), counts[chosen], starts[chosen])
        # 0 is what `observe` writes where it was not told; no call takes no time.
        latency = np.repeat(np.where(heads["duration_ns"] == 0, np.nan, heads["duration_ns"] / 1e9), counts)
        status = np.repeat(failed.astype(np.uint8), counts)
        values[:, columns.index(LATENCY)] = np.where(status == 0, latency, np.nan)
        return Rows(columns, np.repeat(ends, counts), latency, status, values, ids, records.last_seq, uncopied, changes)

    def _plan(self, index: int, signatures: Sequence[Signature]) -> SignalPlan:
        plan = self._plans.get(index)
        if plan is None:
            plan = SignalPlan(signatures[index], self._identity, self._memories)
            if plan.rows * len(plan.signals) > MAX_CALL_VALUES:
                raise RingError(f"a call claims {plan.rows} rows of {len(plan.signals)} signals")
            self._plans[index] = plan
        return plan

    def _fix_columns(self, used: Sequence[int], signatures: Sequence[Signature]) -> tuple[Signal, ...]:
        """Return the stream's columns; until a call has given some there is only latency."""
        if self._columns is None and used:
            plan = self._plan(self._first(max(used), signatures), signatures)
            if plan.signals:
                self._columns = (*plan.signals, LATENCY)
        return self._columns or (LATENCY,)

    def _first(self, used: int, signatures: Sequence[Signature]) -> int:
        """Return the first kind of call, up to one in use, that had results: the same one after a restart."""
        for index, signature in enumerate(signatures[: used + 1]):
            results = any(part.role == "output" or part.layout == "named" for part in signature.parts)
            if results and self._plan(index, signatures).batch:
                return index
        return used

    def _fill(
        self,
        values: NDArray[np.float32],
        plan: SignalPlan,
        slots: NDArray[np.uint8],
        columns: tuple[Signal, ...],
        counts: NDArray[np.intp],
        starts: NDArray[np.intp],
    ) -> None:
        computed = plan.compute(slots)
        within = np.arange(plan.rows)
        present = within < counts[:, None]
        rows = (starts[:, None] + within)[present]
        if plan.signals == columns[:-1]:
            values[rows, : len(plan.signals)] = computed[present]
            return
        names = [signal.name for signal in columns]
        shared = [(i, names.index(s.name)) for i, s in enumerate(plan.signals) if s.name in names]
        for source, target in shared:
            values[rows, target] = computed[:, :, source][present]

    def _notice(
        self,
        number: NDArray[np.intp],
        failed: NDArray[np.bool_],
        used: Sequence[int],
        end_ns: NDArray[np.int64],
        signatures: Sequence[Signature],
    ) -> list[tuple[int, Difference]]:
        """Return what is different about kinds of call not seen before."""
        # A call that was recorded by its time alone (no parts) says nothing of shapes.
        fresh = [index for index in used if index not in self._known and signatures[index].parts]
        if not fresh:
            return []
        first = {index: int(np.flatnonzero((number == index) & ~failed)[0]) for index in fresh}
        if self._current < 0:
            self._current = self._first(min(first, key=first.__getitem__), signatures)
        found = []
        for index in sorted(fresh, key=first.__getitem__):
            self._known.add(index)
            before = self._plan(self._current, signatures).contract
            change = difference(before, self._plan(index, signatures).contract)
            if change is not None and self._changes < _MAX_CHANGES:
                self._changes += 1
                last = self._changes == _MAX_CHANGES
                detail = change.detail + "; it varies, and further changes are not told" * last
                found.append((int(end_ns[first[index]]), change._replace(detail=detail)))
                self._current = index
        return found


def _name(ids: NDArray[np.uint64], own: NDArray[np.uint64], counts: NDArray[np.intp], starts: NDArray[np.intp]) -> None:
    """Put the service's own ids in place of those that follow from ring and record."""
    for row in range(own.shape[1]):
        there = counts > row
        ids[starts[there] + row] = own[there, row]
