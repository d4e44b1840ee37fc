from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from agent.commands import demo
from examples.meter_camera.faults import FAULTS

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str) -> tuple[int, str]:
    """Run the command; return its exit code and what it said, on one line."""
    result = CliRunner().invoke(demo.command, arguments)
    return result.exit_code, " ".join(result.output.split())


def test_every_fault_of_the_camera_can_be_chosen() -> None:
    """What --drift accepts is what the camera can do."""
    assert tuple(FAULTS) == demo.DRIFTS


def test_a_missing_onnx_runtime_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ONNX Runtime the demo says what to install, and fails."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    code, said = run()
    assert (code, 'pip install "driftline[onnx]"' in said) == (1, True)


def test_a_state_directory_with_other_files_is_refused(tmp_path: Path) -> None:
    """Nothing is started, nothing is removed."""
    (tmp_path / "thesis.txt").touch()
    code, said = run("--state", str(tmp_path))
    assert (code, f"{tmp_path} holds other files" in said) == (1, True)
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--seconds", "5"), "5.0 is not in the range x>=25"),
        (("--drift", "rain"), "'rain' is not one of 'fouling'"),
        (("--no-drift", "--drift", "dim"), "--no-drift and --drift exclude each other"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(arguments: tuple[str, ...], message: str) -> None:
    """A wrong option is named with what would be accepted, exit 2."""
    code, said = run(*arguments)
    assert (code, message in said) == (2, True)
