"""What a failed sync left in doubt is written anew: only what has changed, and within a bound."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from agent.buffer.doubt import Doubt
from agent.buffer.errors import UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

SECOND_NS, HOUR_NS = 10**9, 3_600 * 10**9
SIZE = 1 << 17


class Disk:
    """A core and a segment with their logs, written by this class; a sync fails where it is told to."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, most_bytes: float = 50 * SIZE) -> None:
        self.now_ns = 0
        self.fails = False
        self.syncs = 0
        self.databases = [folder / "core.duckdb", folder / "segment.duckdb"]
        self.files = [*self.databases, folder / "core.duckdb.wal", folder / "segment.duckdb.wal"]
        for at, path in enumerate(self.files):
            self.write(path, second=10 * at)
        self.doubt = Doubt(most_bytes, lambda: self.now_ns)

        def fsync(_descriptor: int) -> None:
            self.syncs += 1
            if self.fails:
                raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(os, "fsync", fsync)

    def write(self, path: Path, second: int, size: int = SIZE) -> None:
        """Write a file at a second of the day."""
        path.write_bytes(os.urandom(size))
        os.utime(path, ns=(second * SECOND_NS, second * SECOND_NS))

    def rewritten(self) -> list[str]:
        """Resolve; which files are others now."""
        before = {path: path.stat().st_ino for path in self.files}
        self.doubt.resolve()
        return [path.name for path in self.files if path.stat().st_ino != before[path]]


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk whose files were all written, and are durable; the last of them a moment ago."""
    disk = Disk(tmp_path, monkeypatch)
    disk.doubt.trust(disk.databases)
    return disk


def test_only_what_has_changed_since_it_was_durable_is_written_anew(disk: Disk) -> None:
    """A log that grew and one that is too young to be told from another are in doubt, whole databases are not."""
    disk.write(disk.files[2], second=31, size=SIZE + 1)
    contents = [path.read_bytes() for path in disk.files]
    disk.doubt.cast(disk.databases)
    assert disk.rewritten() == ["core.duckdb.wal", "segment.duckdb.wal"]
    assert [path.read_bytes() for path in disk.files] == contents
    assert disk.rewritten() == []


def test_a_database_that_changed_within_its_size_is_written_anew(disk: Disk) -> None:
    """What a checkpoint wrote in place shows by the time; and so does a file that has become another."""
    disk.write(disk.files[0], second=40)
    other = disk.files[1].with_name("other")
    disk.write(other, second=10)
    other.replace(disk.files[1])
    disk.doubt.cast(disk.databases)
    assert disk.rewritten()[:2] == ["core.duckdb", "segment.duckdb"]


def test_what_was_never_known_to_be_durable_is_in_doubt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first commit nothing is trusted; a file that is gone is not missed."""
    disk = Disk(tmp_path, monkeypatch)
    disk.doubt.cast([*disk.databases, tmp_path / "gone.duckdb"])
    assert disk.rewritten() == [path.name for path in disk.files]


def test_a_disk_that_still_fails_costs_a_little_and_keeps_the_doubt(disk: Disk) -> None:
    """A thousand attempts in a row stop at the first sync and do not use the bound up; healed, all is written."""
    disk.write(disk.files[0], second=40)
    disk.doubt.cast(disk.databases)
    disk.fails, disk.syncs = True, 0
    for _ in range(1_000):
        with pytest.raises(OSError, match="Input/output error"):
            disk.doubt.resolve()
        disk.now_ns += 5 * SECOND_NS
    assert disk.syncs == 1_000
    assert sorted(path.name for path in disk.files[0].parent.iterdir()) == sorted(path.name for path in disk.files)
    disk.fails = False
    assert disk.rewritten() == ["core.duckdb", "segment.duckdb.wal"]


def test_a_disk_that_fails_now_and_then_is_not_worn_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every commit of a day fails and what it wrote is written anew: that ends at twice the bound."""
    disk = Disk(tmp_path, monkeypatch, most_bytes=48 * SIZE)
    database, _, log, _ = disk.files
    log.unlink()
    written = waited = longest = 0
    for minute in range(1_440):
        before = database.stat().st_ino
        os.utime(database, ns=(minute, minute))
        disk.doubt.cast([database])
        with suppress(UnavailableError):
            disk.doubt.resolve()
        written, waited = (written, waited + 1) if database.stat().st_ino == before else (written + 1, 0)
        longest = max(longest, waited)
        disk.now_ns += 60 * SECOND_NS
    assert 85 < written < 96
    assert longest < 60


def test_a_file_larger_than_the_bound_waits_an_hour_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the disk is well what waits is stored within the hour, however large the files are."""
    disk = Disk(tmp_path, monkeypatch, most_bytes=SIZE // 2)
    disk.doubt.cast(disk.databases[:1])
    with pytest.raises(UnavailableError, match="in 60 min"):
        disk.doubt.resolve()
    disk.now_ns += HOUR_NS
    assert disk.rewritten() == ["core.duckdb"]


def test_a_file_for_which_there_is_no_room_does_not_fill_the_disk(disk: Disk) -> None:
    """It says that there is none, for which the reserve is given back, and is written once there is."""
    with disk.files[0].open("r+b") as file:
        file.truncate(1 << 43)  # of holes
    disk.doubt.cast(disk.databases[:1])
    with pytest.raises(OSError, match="No space left on device"):
        disk.doubt.resolve()
    disk.write(disk.files[0], second=40)
    assert disk.rewritten() == ["core.duckdb"]
