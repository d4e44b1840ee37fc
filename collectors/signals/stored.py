"""Where the rows of one array of a call lie in the slots of a ring, and how to read them for many records at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from driftline import wire

from collectors.ring_header import number_type

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agent.model import Signal
    from collectors.ring_header import Part

    Slots = NDArray[np.uint8]  # [records, slot_bytes]
    Values = NDArray[np.float32]  # [records, rows, signals]


class Extractor(Protocol):
    """Computes the signals of one kind from the slots of records that share a signature."""

    @property
    def signals(self) -> tuple[Signal, ...]:
        """What the columns of `compute` are."""
        ...

    def compute(self, slots: Slots) -> Values:
        """Return [records, rows, signals]; `rows` is the number of stored rows of the part that is read."""
        ...


class StoredPart:
    """One array of a call, as far as its elements were stored.

    Parameters
    ----------
    part
        A checked part with numbers in it.
    batched
        Whether axis 0 is the batch.

    """

    def __init__(self, part: Part, *, batched: bool) -> None:
        dtype = number_type(part)
        assert dtype is not None
        self.part = part
        self.dtype = dtype
        self.batched = batched
        self.row_shape = tuple(part.shape[1:] if batched else part.shape)
        self.row_size = math.prod(self.row_shape)
        self.batch = part.shape[0] if batched else 1
        self.rows = self._stored_rows()

    @property
    def sampled(self) -> bool:
        """Whether only a piece of the first row is there."""
        return self.part.layout == "sampled"

    @property
    def stored_size(self) -> int:
        """Elements stored of each stored row."""
        return self.part.bytes // self.dtype.itemsize if self.sampled else self.row_size

    def read(self, slots: Slots) -> NDArray[Any]:
        """Return the stored elements [records, rows, elements]: a copy, aligned, in the part's own dtype."""
        size = self.dtype.itemsize
        begin = wire.PAYLOAD_AT + self.part.at
        count = self.rows * self.stored_size
        flat = np.ascontiguousarray(slots[:, begin : begin + count * size])
        return flat.view(self.dtype).reshape(len(slots), self.rows, self.stored_size)

    def read_floats(self, slots: Slots) -> NDArray[np.float32]:
        """Return the stored elements as float32."""
        with np.errstate(over="ignore", invalid="ignore"):  # a double beyond float32 becomes infinite, as it should
            return self.read(slots).astype(np.float32, copy=False)

    def _stored_rows(self) -> int:
        if self.part.layout == "sampled":
            return min(1, self.batch)
        if self.part.layout == "whole":
            return self.batch
        if self.part.layout == "head" and self.row_size:
            return min(self.batch, self.part.bytes // (self.row_size * self.dtype.itemsize))
        return 0
