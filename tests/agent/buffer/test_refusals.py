"""What the disk refuses is an episode: when it begins, what it is called, when it is over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.buffer.refusals import Refusals, mount_of
from agent.clock import utc

if TYPE_CHECKING:
    from agent.status import StorageTrouble

SECOND_NS = 10**9
NO_ROOM = OSError(28, "No space left on device")
READ_ONLY = OSError(30, "Read-only file system")
BROKEN = OSError(5, "Input/output error")
BUSY = OSError(24, "Too many open files")


class Disk:
    """Commits every five seconds; each has the error that it is given, and heals the next."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.refusals = Refusals(Path("/"), 5.0, lambda: self.now_ns)
        self.told: list[str] = []

    def commit(self, error: OSError | None = None, *, times: int = 1, waiting: bool = True, bare: bool = False) -> None:
        """Commit so often."""
        for _ in range(times):
            if error is not None:
                self.refusals.note(error, str(error))
            full = error is NO_ROOM
            news = self.refusals.look(waiting=error is not None and waiting, full=full, bare=bare)
            self.told += [news] if news else []
            self.now_ns += 5 * SECOND_NS

    @property
    def trouble(self) -> StorageTrouble | None:
        """What it says is wrong."""
        return self.refusals.trouble(utc)


@pytest.mark.parametrize(
    ("error", "kind", "nothing", "said"),
    [
        (NO_ROOM, "full", False, "The disk is full: inferences are not stored, findings still are."),
        (READ_ONLY, "read-only", True, "The file system / has turned read-only: nothing is stored."),
        (
            BROKEN,
            "failing",
            True,
            "The disk fails when / is written: inferences and findings are stored late, or not at all.",
        ),
    ],
)
def test_each_is_called_by_its_name_at_once(error: OSError, kind: str, nothing: bool, said: str) -> None:  # noqa: FBT001  # pytest passes by name
    """The first commit that fails tells, since when, in a sentence with something to do; and is told once."""
    disk = Disk()
    disk.now_ns = 7 * SECOND_NS
    disk.commit(error, times=100)
    trouble = disk.trouble
    assert trouble is not None
    assert (trouble.kind, trouble.nothing, trouble.error) == (kind, nothing, str(error))
    assert (trouble.since, bool(trouble.advice)) == (utc(7 * SECOND_NS), True)
    assert trouble.sentence.startswith(said)
    assert len(disk.told) == 1


@pytest.mark.parametrize("error", [NO_ROOM, READ_ONLY])
def test_the_first_commit_that_is_whole_ends_it(error: OSError) -> None:
    """It is over as soon as everything is stored, and the history says so."""
    disk = Disk()
    disk.commit(error, times=3)
    disk.commit()
    assert (disk.trouble, len(disk.told)) == (None, 2)


def test_a_disk_that_fails_now_and_then_is_one_episode() -> None:
    """One that refuses every few commits, and is healed by trying again, is trusted after a minute without an error."""
    disk = Disk()
    for _ in range(200):
        disk.commit(BROKEN, waiting=False)
        disk.commit(times=4)
    assert (disk.trouble is not None, len(disk.told)) == (True, 1)
    disk.commit(times=13)
    assert (disk.trouble, len(disk.told)) == (None, 2)


def test_one_that_is_filled_and_emptied_all_day_is_told_of_a_few_times_an_hour_at_most() -> None:
    """Each end is believed later than the one before."""
    disk = Disk()
    for _ in range(86_400 // 50):
        disk.commit(NO_ROOM, times=5)
        disk.commit(times=5)
    assert len(disk.told) <= 12


def test_what_passes_by_itself_is_no_news() -> None:
    """A commit that a query held up is not told; one that is held up for a minute is, with what the system says."""
    disk = Disk()
    for _ in range(50):
        disk.commit(BUSY, times=3)
        disk.commit()
    assert (disk.trouble, disk.told) == (None, [])
    disk.commit(BUSY, times=14)
    trouble = disk.trouble
    assert trouble is not None
    assert (trouble.kind, "Too many open files" in trouble.sentence) == ("refused", True)


def test_a_reserve_that_is_used_up_makes_it_worse_until_the_end() -> None:
    """Then findings are refused, too."""
    disk = Disk()
    disk.commit(NO_ROOM)
    disk.commit(NO_ROOM, bare=True)
    disk.commit(NO_ROOM)
    trouble = disk.trouble
    assert trouble is not None
    assert (trouble.nothing, "nothing is stored" in trouble.sentence) == (True, True)
    disk.commit()
    disk.now_ns += 86_400 * SECOND_NS
    disk.commit(NO_ROOM)
    again = disk.trouble
    assert again is not None
    assert again.nothing is False


def test_a_read_only_disk_is_worse_than_a_full_one() -> None:
    """What it turns into is said at once; back, only when it lasts."""
    disk = Disk()
    disk.commit(NO_ROOM)
    disk.commit(READ_ONLY)
    disk.commit(NO_ROOM)
    worst = disk.trouble
    disk.commit(NO_ROOM, times=13)
    last = disk.trouble
    assert worst is not None
    assert last is not None
    assert (worst.kind, last.kind) == ("read-only", "full")


def test_the_place_that_needs_room_is_the_mount(tmp_path: Path) -> None:
    """A directory below the root's file system, there or not, is of the root's."""
    assert mount_of(Path("/proc/sys/kernel")) == Path("/proc")
    assert mount_of(tmp_path / "none") in (tmp_path, *tmp_path.parents)
