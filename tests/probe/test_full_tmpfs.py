from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVICE = """
import sys, warnings
import driftline
warnings.simplefilter("always")
watched = driftline.watch(lambda x: x + 1, model="m")
for number in range(20_000):
    assert watched(float(number)) == number + 1
print("served")
"""


@pytest.fixture
def small_tmpfs(tmp_path: Path) -> Iterator[Path]:
    """Mount a tmpfs of 512 KiB."""
    where = tmp_path / "small"
    where.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k,mode=0700", "tmpfs", str(where)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
    yield where
    subprocess.run(["umount", str(where)], check=True)


def _serve(directory: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DRIFTLINE_RUN": str(directory)}
    return subprocess.run(
        [sys.executable, "-c", SERVICE], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_no_room_from_the_start(small_tmpfs: Path) -> None:
    """On a full tmpfs the service answers every call, says once that it is not recorded, and is not killed."""
    with (small_tmpfs / "filler").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 512 << 10)
    served = _serve(small_tmpfs)
    assert (served.returncode, served.stdout) == (0, "served\n")
    assert served.stderr.count("RuntimeWarning") == 1
    assert "No space left on device" in served.stderr
    assert [path.name for path in small_tmpfs.iterdir()] == ["filler"]


def test_no_room_in_the_first_lap(small_tmpfs: Path) -> None:
    """A tmpfs that fills up while the ring grows ends the recording where the room ends, and nothing else."""
    served = _serve(small_tmpfs)
    assert (served.returncode, served.stdout) == (0, "served\n")
    assert served.stderr.count("RuntimeWarning") == 1
    assert "No space left on device" in served.stderr
