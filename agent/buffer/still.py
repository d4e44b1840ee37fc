"""Tells whether files that another process writes were rewritten while they were read.

DuckDB never changes a block that the header of a file still refers to: what is new goes to free blocks, and one write
of the header at the end of a checkpoint makes them the file. So what was read is sound as long as the two headers are
what they were before: this looks at them, without knowing what is in them.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_HEADERS_AT, _HEADERS_BYTES = 4096, 2 * 4096  # DuckDB 2.0: after the main header, two of which one is in force


class Still:
    """The headers of some files as they are now. Keeps the files open: to close one lets go of this process's locks."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._seen: dict[int, bytes] = {}
        for path in paths:
            # One that retention took is not read either.
            with suppress(FileNotFoundError):
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
                self._seen[descriptor] = _headers(descriptor)

    def unchanged(self) -> bool:
        """Whether none was rewritten since."""
        return all(_headers(descriptor) == seen for descriptor, seen in self._seen.items())


def _headers(descriptor: int) -> bytes:
    return os.pread(descriptor, _HEADERS_BYTES, _HEADERS_AT)
