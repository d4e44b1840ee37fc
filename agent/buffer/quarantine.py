"""What was damaged and set aside, under `quarantine/`: nothing needs it, and there is a bound to what it takes.

Each thing that was set aside has a number behind its name, higher than all before: their order, whatever clocks say.
What was set aside last is kept whatever it takes; of the rest the oldest goes where there is too much.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from agent.buffer.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FOLDER = "quarantine"
_NUMBER = re.compile(r"\.(\d+)$")
_PIECE = 1 << 20


class Quarantine:
    """The quarantine of a directory, of at most `most_bytes`. `tell` takes a sentence about what had to go."""

    def __init__(self, directory: Path, most_bytes: int, tell: Callable[[str], None]) -> None:
        self._directory, self._folder = directory, directory / FOLDER
        self._most_bytes = most_bytes
        self._tell = tell

    @property
    def bytes(self) -> int:
        """What it takes."""
        return quarantine_bytes(self._directory)

    def take(self, *paths: Path) -> list[str]:
        """Move files here that belong together; return what they are called now. Raises UnavailableError."""
        number = self._next()
        self.trim(sum(path.stat().st_size for path in paths))
        names = []
        for path in paths:
            target = self._folder / f"{path.name}.{number}"
            try:
                self._folder.mkdir(mode=0o750, exist_ok=True)
                os.replace(path, target)  # noqa: PTH105  # the same call, and `path` stays what it was
            except OSError as error:
                raise UnavailableError(f"{path} cannot be set aside: {error.strerror}") from error
            names.append(f"{FOLDER}/{target.name}")
        return names

    def keep_tail(self, path: Path, start: int) -> str:
        """Keep what a file holds from `start` on; say where, or why it could not be kept."""
        target = self._folder / f"{path.name}.{self._next()}"
        try:
            self.trim(path.stat().st_size - start)
            self._folder.mkdir(mode=0o750, exist_ok=True)
            with path.open("rb") as source, target.open("xb") as kept:
                target.chmod(0o640)
                source.seek(start)
                while piece := source.read(_PIECE):
                    kept.write(piece)
        except OSError as error:
            # Starting matters more than the copy, and a full disk has no room for it.
            target.unlink(missing_ok=True)
            return f"and could not be kept ({error.strerror})"
        return f"and is {FOLDER}/{target.name}"

    def trim(self, coming: int = 0) -> None:
        """Delete the oldest until there is room for `coming` more bytes; what came last stays until more comes."""
        numbered = sorted((number, path) for path in _files(self._folder) if (number := _number(path)))
        taken = coming + sum(path.stat().st_size for _, path in numbered)
        newest = 0 if coming or not numbered else numbered[-1][0]
        gone, count = [], 0
        for number, path in numbered:
            if taken <= self._most_bytes or number == newest:
                break
            size = path.stat().st_size
            try:
                path.unlink()
            except OSError:  # it is tried again with the next that comes
                continue
            gone.append(path.name)
            count += size
            taken -= size
        if gone:
            self._tell(
                f"{FOLDER} may take {self._most_bytes} bytes: {' and '.join(gone)}, the oldest in it ({count} bytes), "
                "went to make room"
            )

    def _next(self) -> int:
        return 1 + max(map(_number, _files(self._folder)), default=0)


def quarantine_bytes(directory: Path) -> int:
    """Return what was set aside in a buffer's directory takes."""
    return sum(path.stat().st_size for path in _files(directory / FOLDER))


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []


def _number(path: Path) -> int:
    """Return when a file was set aside, in order; 0 for one that is of something else."""
    found = _NUMBER.search(path.name)
    return int(found[1]) if found else 0
