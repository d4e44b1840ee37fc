from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from agent import __version__
from agent.cli import COMMANDS, group

if TYPE_CHECKING:
    from pathlib import Path


def _driftline(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(group, arguments)
    return result.exit_code, result.output


def test_the_version_is_printed() -> None:
    """--version names program and version."""
    assert _driftline("--version") == (0, f"driftline, version {__version__}\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_exists_and_explains_itself(name: str) -> None:
    """The table names real commands, and each has help."""
    code, output = _driftline(name, "--help")
    assert (code, output.split("\n")[0].startswith("Usage: ")) == (0, True)


def test_the_list_of_commands_loads_none_of_them() -> None:
    """`driftline --help` costs nothing: neither numpy, duckdb, textual nor aiohttp is imported."""
    code = (
        "import sys; from agent.cli import main; sys.argv=['driftline','--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([m for m in ('numpy','duckdb','textual','aiohttp','psutil') if m in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.splitlines()[-1] == "[]"


def test_a_misspelt_command_names_the_nearest() -> None:
    """Exit 2, and what was meant."""
    code, output = _driftline("stauts")
    assert (code, "Did you mean status?" in output) == (2, True)


@pytest.mark.parametrize("command", [["status"], ["findings"], ["query", "SELECT 1"]])
def test_without_an_agent_a_command_says_so_and_fails(tmp_path: Path, command: list[str]) -> None:
    """One line, exit 1, no traceback."""
    code, output = _driftline(*command, "--run", str(tmp_path))
    assert (code, output.count("\n")) == (1, 1)
    assert output.startswith("driftline: no agent is running here")


def test_a_good_configuration_is_printed_with_its_defaults(tmp_path: Path) -> None:
    """`config check` shows every key."""
    path = tmp_path / "driftline.toml"
    path.write_text('site = "plant-7"\n')
    code, output = _driftline("config", "check", str(path))
    assert code == 0
    assert 'site = "plant-7"' in output
    assert "budget_days = 30.0" in output


def test_a_bad_configuration_exits_with_78(tmp_path: Path) -> None:
    """The error names file, line and key."""
    path = tmp_path / "driftline.toml"
    path.write_text("[buffer]\nlimit_mb = 3\n")
    code, output = _driftline("config", "check", str(path))
    assert (code, output.startswith(f"driftline: {path}:2: unknown key buffer.limit_mb: did you mean limit_mib?")) == (
        78,
        True,
    )


def test_the_agent_refuses_a_bad_configuration(tmp_path: Path) -> None:
    """A supervisor sees 78 and does not try again."""
    path = tmp_path / "driftline.toml"
    path.write_text("[alarms]\nbudget_days = -1\n")
    code, output = _driftline("agent", "--config", str(path), "--run", str(tmp_path / "run"), "--state", str(tmp_path))
    assert (code, "alarms.budget_days = -1: accepted is a number > 0.0" in output) == (78, True)


def test_a_port_that_cannot_be_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    """The message says what would be accepted."""
    path = tmp_path / "driftline.toml"
    path.write_text("[scrape]\nport = 99999999\n")
    code, output = _driftline("config", "check", str(path))
    assert (code, "scrape.port = 99999999" in output, "65535" in output) == (78, True, True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(shell: str) -> None:
    """The script calls driftline for its words."""
    code, output = _driftline("completion", shell)
    assert (code, "_DRIFTLINE_COMPLETE" in output) == (0, True)
