"""What a disk can hold after a power cut: replays the journal of a process up to an operation, and makes such disks.

What was synced is there. What was not may be there or not, sector by sector, in any combination; a name (a file made,
renamed or removed) counts as durable after a sync of its directory, as POSIX has it, or also after a sync of any file,
as file systems with one ordered journal (ext4, xfs) do it. A failed sync makes nothing durable, and what it should have
written is not written by a later one either, as Linux does it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    from tests.faults.shim import Operation

SECTORS = (512, 4096)
Names = Literal["posix", "ordered"]
Change = tuple[int, bytes | None]  # where to write what, or a size to cut or grow to


@dataclass(eq=False, slots=True)
class Inode:
    """A file's bytes: those that a power cut leaves, and the changes since."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Change] = field(default_factory=list)
    doubtful: list[Change] = field(default_factory=list)  # a sync of them failed

    def sync(self) -> None:
        """Make all changes durable that no failed sync has taken."""
        for change in self.pending:
            _apply(self.durable, change)
        self.pending.clear()

    def fail(self) -> None:
        """Leave it open for ever whether the changes reach the disk."""
        self.doubtful += self.pending
        self.pending.clear()


FOLDER = Inode()


@dataclass(frozen=True, slots=True)
class NameChange:
    """A name in a directory that stands for another file, or for none."""

    path: str
    inode: Inode | None


class Disk:
    """The files below `root`, as `process` changes them."""

    def __init__(self, root: Path, *, names: Names) -> None:
        self._root = root
        self._ordered = names == "ordered"
        self._inodes: dict[int, Inode] = {}
        self._folders: dict[int, str] = {root.stat().st_ino: str(root)}
        self._names: dict[str, Inode] = {}  # as the process sees them
        self._durable: dict[str, Inode] = {}
        self._pending: list[NameChange] = []

    def do(self, operation: Operation) -> None:
        """Follow one operation."""
        inode = self._inodes.get(operation.inode)
        match operation.kind:
            case "C":
                inode = self._inodes[operation.inode] = Inode()
                self._rename(operation.name, inode)
            case "W" if inode:
                inode.pending.append((operation.at, operation.data))
            case "T" if inode:
                inode.pending.append((operation.at, None))
            case "S":
                self._sync(operation.inode)
            case "E" if inode:
                inode.fail()
            case "U":
                self._rename(operation.name, None)
            case "R":
                before, after = operation.name.split("\n")
                moved = self._names[before]
                self._rename(after, moved)
                self._rename(before, None)
            case "M":
                self._folders[operation.inode] = operation.name
                self._rename(operation.name, FOLDER)

    def promised(self, path: Path) -> tuple[int, ...]:
        """Return the numbers in the last whole line that the process wrote to a file; zeros before the first."""
        inode = self._names.get(str(path), Inode())
        now = bytearray(inode.durable)
        for change in [*inode.doubtful, *inode.pending]:
            _apply(now, change)
        lines = now.decode().split("\n")[:-1]
        return tuple(map(int, lines[-1].split())) if lines else (0, 0, 0)

    def cut(self, into: Path, chance: random.Random | None, *, everything: bool = False) -> None:
        """Write what may be left below `into`: nothing that was not synced, or what `chance` picks, or everything."""
        names = dict(self._durable)
        for name in self._pending if everything else self._some(chance):
            _take(names, name)
        folders = {path for path, inode in names.items() if inode is FOLDER} | {str(self._root)}
        for path, inode in names.items():
            if inode is FOLDER or str(Path(path).parent) not in folders:
                continue
            data = bytearray(inode.durable)
            later = [*inode.doubtful, *inode.pending]
            if everything:
                for change in later:
                    _apply(data, change)
            elif chance:
                _scatter(data, later, chance)
            target = into / Path(path).relative_to(self._root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)

    def _some(self, chance: random.Random | None) -> list[NameChange]:
        if chance is None:
            return []
        if self._ordered:
            return self._pending[: chance.randint(0, len(self._pending))]
        by_folder = defaultdict(list)
        for change in self._pending:
            by_folder[str(Path(change.path).parent)].append(change)
        return [change for group in by_folder.values() for change in group[: chance.randint(0, len(group))]]

    def _rename(self, path: str, inode: Inode | None) -> None:
        if inode is None:
            self._names.pop(path, None)
        else:
            self._names[path] = inode
        self._pending.append(NameChange(path, inode))

    def _sync(self, number: int) -> None:
        folder = self._folders.get(number)
        if folder is None and number in self._inodes:
            self._inodes[number].sync()
        settled = [c for c in self._pending if self._ordered or str(Path(c.path).parent) == folder]
        for change in settled:
            self._pending.remove(change)
            _take(self._durable, change)


def _take(names: dict[str, Inode], change: NameChange) -> None:
    if change.inode is None:
        names.pop(change.path, None)
    else:
        names[change.path] = change.inode


def _apply(data: bytearray, change: Change) -> None:
    at, written = change
    if written is None:
        del data[at:]
        data.extend(bytes(at - len(data)))
        return
    data.extend(bytes(max(0, at - len(data))))
    data[at : at + len(written)] = written


def _scatter(data: bytearray, changes: Iterable[Change], chance: random.Random) -> None:
    """Do some of the changes, sector by sector; a file's size may have reached the disk without its bytes."""
    sector = chance.choice(SECTORS)
    share = chance.choice((0.1, 0.5, 0.9))
    for at, written in changes:
        if written is None:
            if chance.random() < share:
                _apply(data, (at, None))
            continue
        end = at + len(written)
        if chance.random() < share and end > len(data):
            data.extend(bytes(end - len(data)))
        first = at // sector * sector
        for start in range(first, end, sector):
            if chance.random() < share:
                low, high = max(start, at), min(start + sector, end)
                _apply(data, (low, written[low - at : high - at]))
