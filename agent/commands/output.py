"""Files that a command writes for its user: named only when they are whole, and readable by the group at most.

What is written may be about persons, so nobody else may read it, whatever the umask says.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE_MODE, FOLDER_MODE = 0o640, 0o750


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Give a file that becomes `path` when the block ends well, in place of what was there. Raises OSError.

    A pipe or a device is written as it is.
    """
    if path.exists() and not path.is_file():
        if path.is_dir():
            raise IsADirectoryError(21, "it is a directory; give the name of a file", str(path))
        with path.open("wb") as special:
            yield special
        return
    partial = path.parent / f".{path.name}.{os.getpid()}.part"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(partial, flags, FILE_MODE), "wb") as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise


def make_folder(path: Path) -> None:
    """Make a directory for exported files. Raises OSError."""
    path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
