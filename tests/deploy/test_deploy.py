import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.confine import FIRST_FOR_THE_OOM_KILLER
from agent.paths import _refusal

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNIT = DEPLOY / "driftline.service"


class Unit(configparser.RawConfigParser):
    """A unit file; keys keep their case, and what is given twice keeps the last."""

    def __init__(self) -> None:
        super().__init__(strict=False, delimiters=("=",), comment_prefixes=("#",), inline_comment_prefixes=None)
        self.read(UNIT)

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say about the unit that is shipped."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    text = UNIT.read_text(encoding="utf-8").replace("/opt/driftline/bin/python", sys.executable)
    unit = tmp_path / "driftline.service"
    unit.write_text(text, encoding="utf-8")
    done = subprocess.run([analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "driftline" in line]
    if "Failed to" in done.stderr and done.returncode and not said:
        pytest.skip(f"systemd-analyze cannot run here: {done.stderr.strip()}")
    assert (said, done.returncode) == ([], 0)


def test_the_unit_starts_the_agent_isolated_and_lean() -> None:
    """Python runs with -I, with one malloc arena, under limits that the agent's budget fits into."""
    service = Unit()["Service"]
    assert service["ExecStart"].split()[1:5] == ["-I", "-m", "agent", "agent"]
    assert service["Environment"] == "MALLOC_ARENA_MAX=1"
    assert service["MemoryMax"] == "256M"
    assert set(service["RestartPreventExitStatus"].split()) == {"2", "78"}


def test_a_query_that_runs_out_of_memory_does_not_stop_the_unit() -> None:
    """Its process is killed before the agent, and systemd leaves the agent running."""
    service = Unit()["Service"]
    assert service["OOMPolicy"] == "continue"
    assert int(service["OOMScoreAdjust"]) < int(FIRST_FOR_THE_OOM_KILLER)


def test_the_agent_that_the_unit_starts_exists() -> None:
    """The command line of the unit is one that the agent understands."""
    *_, options = Unit()["Service"]["ExecStart"].partition("-m agent ")
    command = [sys.executable, "-I", "-m", "agent", *options.split(), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_run_directory_outlives_the_agent_and_is_trusted(tmp_path: Path) -> None:
    """Rings stay when the agent stops; root owns the directory, so that services under any user will write to it."""
    service = Unit()["Service"]
    assert "RuntimeDirectory" not in service
    assert "/run/driftline" in service["ReadWritePaths"].split()
    (line,) = (
        line.split()
        for line in (DEPLOY / "driftline.tmpfiles.conf").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    )
    assert line == ["d", "/run/driftline", "2770", "root", service["Group"], "-"]
    made = tmp_path / "driftline"
    made.mkdir()
    made.chmod(int(line[2], 8))
    assert _refusal(made.lstat(), made) is None


def test_containers_share_one_group() -> None:
    """The number of the group that may write rings is the same in every file."""
    image = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    compose = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    (group,) = re.findall(r"groupadd --gid (\d+) driftline", image)
    assert re.findall(r"gid=(\d+)", compose) == [group]
    assert re.findall(r'group_add: \["(\d+)"\]', compose) == [group]


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_the_ci_script_is_sound() -> None:
    """Shellcheck finds nothing in the script that CI runs."""
    script = DEPLOY.parent / ".ci" / "run"
    done = subprocess.run(["shellcheck", str(script)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)
    assert os.access(script, os.X_OK)
