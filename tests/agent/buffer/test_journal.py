"""The journal on the run directory: bounded, checksummed, and never in anybody's way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from agent.buffer.journal import FOLDER, Journal

if TYPE_CHECKING:
    from pathlib import Path

OWNER = "ab" * 16
LIMIT = 256 << 10


def _opened(path: Path, owner: str = OWNER) -> tuple[Journal, list[bytes]]:
    journal = Journal(path, LIMIT, owner)
    return journal, [payload for _, payload in journal.load()]


def _written(run_dir: Path) -> Path:
    """The file that holds the frames."""
    (path,) = (path for path in (run_dir / FOLDER).iterdir() if path.stat().st_size)
    return path


def test_what_was_appended_is_there_after_a_kill(tmp_path: Path) -> None:
    """In order, with the numbers that it had; and the next agent goes on counting."""
    journal, _ = _opened(tmp_path)
    for at in range(5):
        journal.append(b"%d" % at)
    last = journal.last
    journal.close()  # as the kernel does
    again, found = _opened(tmp_path)
    assert (found, again.last, again.note) == ([b"0", b"1", b"2", b"3", b"4"], last, "")
    again.append(b"5")
    again.close()
    assert _opened(tmp_path)[1] == [b"0", b"1", b"2", b"3", b"4", b"5"]


def test_it_keeps_the_newest_within_its_bound(tmp_path: Path) -> None:
    """At least half of the bound, and never more than all of it."""
    journal, _ = _opened(tmp_path)
    turned = sum(journal.append(b"%05d" % at + bytes(1_000)) for at in range(2_000))
    size = sum(path.stat().st_size for path in (tmp_path / FOLDER).iterdir())
    journal.close()
    found = [int(payload[:5]) for payload in _opened(tmp_path)[1]]
    assert turned > 10
    assert LIMIT // 2 < size <= LIMIT
    assert found == list(range(found[0], 2_000))
    assert LIMIT // 2 - 2_000 < len(found) * 1_020 <= LIMIT


@pytest.mark.parametrize("cut", [1, 10, 30])
def test_a_torn_frame_ends_what_is_read(tmp_path: Path, cut: int) -> None:
    """It is told, and the next one is written in its place."""
    journal, _ = _opened(tmp_path)
    for at in range(3):
        journal.append(b"frame %d" % at)
    journal.close()
    path = _written(tmp_path)
    os.truncate(path, path.stat().st_size - min(cut, 20))
    torn, found = _opened(tmp_path)
    assert found == [b"frame 0", b"frame 1"]
    assert "could not be read" in torn.note
    torn.append(b"next")
    torn.close()
    assert _opened(tmp_path)[1] == [b"frame 0", b"frame 1", b"next"]


def test_a_flipped_bit_ends_what_is_read(tmp_path: Path) -> None:
    """Wherever it is, nothing that is wrong is read, and nothing raises."""
    journal, _ = _opened(tmp_path)
    whole = [b"frame %d" % at for at in range(3)]
    for payload in whole:
        journal.append(payload)
    journal.close()
    path = _written(tmp_path)
    sound = path.read_bytes()
    for at in range(len(sound)):
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 0x10]) + sound[at + 1 :])
        damaged, found = _opened(tmp_path)
        damaged.close()
        assert found == whole[: len(found)]
        assert len(found) < len(whole)


def test_another_directorys_frames_are_not_read(tmp_path: Path) -> None:
    """An agent on other state in the same run directory begins anew, and says so."""
    journal, _ = _opened(tmp_path)
    journal.append(b"theirs")
    journal.close()
    other, found = _opened(tmp_path, "cd" * 16)
    assert (found, "another agent's" in other.note) == ([], True)


def test_a_second_agent_has_none(tmp_path: Path) -> None:
    """It works without, and says why."""
    first, _ = _opened(tmp_path)
    second, found = _opened(tmp_path)
    assert (found, second.append(b"x"), "not kept over a kill" in second.note) == ([], False, True)
    first.close()


@pytest.mark.parametrize("what", ["link", "file", "fifo", "linked journal"])
def test_what_others_put_in_its_place_is_not_touched(tmp_path: Path, what: str) -> None:
    """The agent goes on without a journal."""
    place, target = tmp_path / FOLDER, tmp_path / "target"
    target.mkdir()
    victim = target / "victim"
    victim.write_text("theirs")
    if what == "link":
        place.symlink_to(target)
    elif what == "file":
        place.write_text("theirs")
    else:
        place.mkdir(mode=0o700)
        if what == "fifo":
            os.mkfifo(place / "journal-0")
        else:
            (place / "journal-0").symlink_to(victim)
    journal, found = _opened(tmp_path)
    journal.append(b"x")
    assert (found, journal.folder, victim.read_text()) == ([], None, "theirs")
