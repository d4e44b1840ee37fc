from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.report.shelf import MIB, SCRATCH_PREFIX, tidy

if TYPE_CHECKING:
    from pathlib import Path


def shelve(folder: Path, stream: str, day: int, size: int = 10) -> None:
    """Put the two files of a report there."""
    for suffix in ("html", "json"):
        (folder / f"driftline-cam-{stream}-202611{day:02}T033000Z.{suffix}").write_bytes(b"x" * size)


def left(folder: Path) -> list[str]:
    """The pages that are still there, without what is common to all."""
    return sorted(path.stem.removeprefix("driftline-cam-").split("T")[0] for path in folder.glob("*.html"))


def test_the_newest_of_each_stream_stay(tmp_path: Path) -> None:
    """A busy stream does not push out another, and page and figures go together."""
    for day in range(1, 11):
        shelve(tmp_path, "a", day)
    shelve(tmp_path, "b", 1)
    tidy(tmp_path, 3, 100.0)
    assert left(tmp_path) == ["a-20261108", "a-20261109", "a-20261110", "b-20261101"]
    assert len(list(tmp_path.glob("*.json"))) == 4


def test_the_size_is_bounded_and_the_newest_stays_whatever_its_size(tmp_path: Path) -> None:
    """The oldest of all streams go first."""
    for day in range(1, 6):
        shelve(tmp_path, "ab"[day % 2], day, size=MIB)
    tidy(tmp_path, 7, 4.5)
    assert left(tmp_path) == ["a-20261104", "b-20261105"]
    tidy(tmp_path, 7, 0.5)
    assert left(tmp_path) == ["b-20261105"]


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    """Only what is named as a report is removed, and what a killed report left."""
    for name in ("notes.html", "driftline-mine.html", "nightly.log"):
        (tmp_path / name).write_text("mine")
    (tmp_path / f"{SCRATCH_PREFIX}x").mkdir()
    (tmp_path / f"{SCRATCH_PREFIX}x" / "rows.npz").write_text("left over")
    tidy(tmp_path, 1, 8.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["driftline-mine.html", "nightly.log", "notes.html"]
