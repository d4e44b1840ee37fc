"""Opens files that a crash left half rewritten, and makes new ones so that none is left half made.

A checkpoint (DuckDB 2.0) writes what is new to free parts of blocks of metadata, and those blocks whole, in place.
What they held before stays byte for byte where it was, and headers and log still lead to it; but where the write is cut
off, the checksum fits neither the block before nor the one after, and DuckDB refuses the file: when it opens it, or
later, when it comes to the metadata in that part. Everything else goes to free blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.buffer import schema
from agent.buffer.blocks import BLOCK_BYTES, FIRST_BLOCK, named_in, settle, unsound
from agent.buffer.engine import is_passing
from agent.buffer.folders import wal_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_NEW = "new_file"


def clear_traces(path: Path, metadata: Callable[[], list[int] | str]) -> bool:
    """Make readable again what a checkpoint was cut off in, in a closed file; return whether there was such.

    `metadata` opens the file in another process and returns the numbers of the blocks that hold metadata, or why that
    failed. Nothing is lost: the log still holds what was to be folded in. Raises OSError.
    """
    left: set[int] | None = None
    cleared = False
    while True:
        found = metadata()
        if isinstance(found, str):
            if is_passing(found):  # or it is open here, and reading it would let go of DuckDB's lock
                return cleared
            # What is read in order to open a file is metadata.
            blocks = {named_in(found)}
        else:
            blocks = {FIRST_BLOCK + number * BLOCK_BYTES for number in found}
        left = unsound(path) if left is None else left
        cut_off = left & blocks
        if not cut_off:
            return cleared
        for at in cut_off:
            settle(path, at)
        left -= cut_off
        cleared = True


def make_file(run: Callable[[str], object], path: Path) -> None:
    """Make an empty database file, whole from the moment it has its name. Raises duckdb.Error, OSError."""
    new = path.with_name(path.name + ".tmp")
    for part in (new, wal_of(new)):
        part.unlink(missing_ok=True)
    run(schema.attach(str(new), _NEW))
    run(schema.detach(_NEW))
    new.chmod(0o640)
    new.replace(path)
