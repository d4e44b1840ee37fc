"""File systems of a test's own: one in memory that can be filled, one on a file that turns read-only by an error.

They need root and the right to mount, which CI has; elsewhere the tests are skipped with the reason.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.absent import absent

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def mounted(where: Path, *options: str) -> Iterator[Path]:
    """Mount a file system with these options of `mount`."""
    if os.geteuid() != 0:
        absent("only root may mount")
    where.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *options, str(where)], capture_output=True, check=False, text=True)
    if done.returncode:
        absent(f"cannot mount here: {done.stderr.strip()}")
    try:
        yield where
    finally:
        subprocess.run(["umount", str(where)], check=True)


def make_writable(where: Path) -> None:
    """Mount what is mounted read-only anew, for writing too."""
    subprocess.run(["mount", "-o", "remount,rw", str(where)], check=True)


def fill(path: Path) -> None:
    """Leave no free block."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4_096))
        except OSError:
            return


class Card:
    """An ext4 file system in the file `image`, mounted at `where`: after an error it is read-only, as on a device."""

    def __init__(self, image: Path, where: Path) -> None:
        self._image, self._where = image, where
        maker = shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        if maker is None:
            absent("there is no mkfs.ext4 (Debian: apt install e2fsprogs)")
        with image.open("wb") as file:
            file.truncate(64 << 20)
        subprocess.run([maker, "-q", "-F", image], check=True)

    @contextmanager
    def inserted(self) -> Iterator[Path]:
        """Mount it."""
        with mounted(self._where, "-t", "ext4", "-o", "loop,errors=remount-ro", str(self._image)) as where:
            yield where

    def fail(self) -> None:
        """Have the kernel meet an error of its own in this file system, and no other."""
        found = subprocess.run(
            ["findmnt", "-n", "-o", "SOURCE", "-M", self._where], check=True, capture_output=True, text=True
        )
        device = found.stdout.strip().removeprefix("/dev/")
        if not device.startswith("loop"):
            raise AssertionError(f"{self._where} is on {device}, no file system of a test")
        Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("a test")

    def check(self) -> None:
        """Have it checked and mended, as the start of a device does."""
        checker = shutil.which("e2fsck", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        assert checker is not None
        done = subprocess.run([checker, "-p", self._image], check=False, capture_output=True, text=True)
        assert done.returncode in {0, 1, 2}, done
