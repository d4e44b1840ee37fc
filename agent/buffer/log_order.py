"""Tells the transactions of a log that cannot follow those before it: older ones, copies of one, and parts of copies.

Each is sound by its checksums; that it does not belong there shows by what it holds. Layout, DuckDB 2.0: the data of an
entry begins with the field 100, its kind; a transaction names a table before it changes it, in any order of tables, and
ends with an entry of its own.
"""

from __future__ import annotations

import re

ENTRY = b"\x64\x00"  # begins every entry
COMMITTED = ENTRY + b"\x64\xff\xff"  # the whole of the entry that ends a transaction
_COMMIT = COMMITTED[:3]
_USE_TABLE, _INSERT = ENTRY + b"\x19", ENTRY + b"\x1a"
_CHANGES = tuple(ENTRY + kind for kind in (b"\x1a", b"\x1b", b"\x1c", b"\x1d"))  # of the table that is named
# Tables whose rows are numbered, each higher than the one before, by their first column; names follow their length.
_NUMBERED = _BATCHES, _FINDINGS = b"\x07batches", b"\x0ffinding_history"
_FIRST_VALUE = re.compile(rb"\xff\xfff\0.d\0\0f\0\x08(.{8})", re.DOTALL)  # of one row: no NULL, eight bytes
# Tables to which a batch adds, with which no two are the same.
_OF_BATCHES = re.compile(
    rb"[\x01-\x7f](?:(?:rows|crates)_\d+|readings|labels|answers|windows|summaries|summary_signals|positions|schemas"
    rb"|series)\xff"
)
_STATES = b"\x06states"  # of which each is put in place of the one before, so that no two changes are the same


class Order:
    """Hears the entries of a log in their order. The batches of its file are numbered higher than `after`.

    first: the first number of a row in a numbered table, 0 until there is one.
    """

    def __init__(self, after: int) -> None:
        self.first = 0
        self._newest = {_BATCHES: after, _FINDINGS: 0}
        self._seen: set[int] = set()  # by their checksums, transactions that can come once only, and all their ends
        self._begin()

    def _begin(self) -> None:
        self._table: bytes | None = None
        self._numbers: dict[bytes, int] = {}
        self._sums: list[int] = []
        self._bare = self._once = False

    def hear(self, data: bytes, checksum: int) -> bool | None:
        """Take an entry in; where it ends a transaction, return whether that can follow those before, else None."""
        kind = data[: len(_COMMIT)]
        if kind == _COMMIT:
            follows = self._follows()
            self._newest |= self._numbers
            self.first = self.first or min(self._numbers.values(), default=0)
            if self._once:
                self._seen |= {hash(tuple(self._sums[at:])) for at in range(len(self._sums))}
            self._begin()
            return follows
        self._sums.append(checksum)
        if kind == _USE_TABLE:
            self._table = data
            self._once = self._once or _STATES in data or _OF_BATCHES.search(data) is not None
        elif kind in _CHANGES:
            self._change(kind, data)
        return None

    def _change(self, kind: bytes, data: bytes) -> None:
        if self._table is None:
            self._bare = True
        elif kind == _INSERT and (found := _FIRST_VALUE.search(data)):
            for table in (name for name in _NUMBERED if name in self._table):
                self._numbers[table] = int.from_bytes(found[1], "little", signed=True)

    def _follows(self) -> bool:
        if self._bare or any(number <= self._newest[table] for table, number in self._numbers.items()):
            return False
        return not (self._once and hash(tuple(self._sums)) in self._seen)
