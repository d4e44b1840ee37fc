"""What `.ci/run` leaves behind, with programs that stand in for those that it starts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


def program(path: Path, text: str) -> None:
    """Write a script that can be started."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/usr/bin/env bash\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def is_there(pid: int) -> bool:
    """Whether a process runs."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"  # which nobody has asked for yet


@pytest.mark.skipif(not Path("/usr/include/stdlib.h").exists(), reason="without the headers of libc it installs them")
def test_a_check_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """The Collector's build beside it is ended with all that it started, and what was temporary is gone."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for name in re.findall(r"([\w.-]+):[\w-]+", script.partition("NEEDED=(")[2].partition("\n)")[0]):
        program(tmp_path / "bin" / name, "exit 0")
    program(tmp_path / "bin" / "python3", "exit 0")
    program(tmp_path / "bin" / "apt-get", "exit 1")
    program(tmp_path / ".ci" / "collector", 'sleep 600 &\necho $! $$ >"$PWD/pids.new"\nmv pids.new pids\nwait')
    program(tmp_path / "bin" / "make", "until [[ -e pids ]]; do :; done\nexit 3")
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    (tmp_path / "tmp").mkdir()
    env = os.environ | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "TMPDIR": str(tmp_path / "tmp")}
    done = subprocess.run([tmp_path / ".ci" / "run"], env=env, capture_output=True, text=True, check=False, timeout=60)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text(encoding="utf-8").split()]
    assert (done.returncode, done.stderr) == (3, "")
    assert list((tmp_path / "tmp").iterdir()) == []
    wait_until(lambda: not any(is_there(pid) for pid in pids), "the build is ended")
