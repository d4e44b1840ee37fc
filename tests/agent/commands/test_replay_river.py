from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner

from agent.cli import group

if TYPE_CHECKING:
    from pathlib import Path

ROWS, ONSET = 4_120, 4_000  # so few rows of the change that no evidence for it reaches 700 nats
PATIENT = ("--alarms-per", "1e300")


@pytest.fixture
def shifted(tmp_path: Path) -> Path:
    """A file in which one of three columns moves by a little more than its deviation."""
    rows = np.random.default_rng(0).normal(size=(ROWS, 3))
    rows[ONSET:, 0] += 1.2
    path = tmp_path / "shifted.csv"
    np.savetxt(path, rows, delimiter=",", header="a,b,c", comments="", fmt="%.6g")
    return path


def _replay(path: Path, config: str, *options: str) -> tuple[list[dict[str, Any]], str]:
    chosen = path.parent / "driftline.toml"
    chosen.write_text(config)
    result = CliRunner().invoke(group, ["replay", str(path), "--config", str(chosen), *options])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()], result.stderr


def test_what_several_detectors_see_of_one_change_is_one_finding(shifted: Path) -> None:
    """ADWIN joins the episode of the shift detector; kind and words are those of the detector with the promise."""
    (alone,), _ = _replay(shifted, "")
    (together,), _ = _replay(shifted, '[[river]]\ndetector = "adwin"\nsignals = ["*"]\n')
    assert (together["kind"], together["sentence"]) == (alone["kind"], alone["sentence"])


def test_a_finding_of_rivers_alone_says_who_says_it(shifted: Path) -> None:
    """With a budget that the shift detector cannot spend, ADWIN's own words and kind are told."""
    (finding,), _ = _replay(shifted, '[[river]]\ndetector = "adwin"\nsignals = ["a"]\n', *PATIENT)
    assert finding["kind"] == "drift"
    assert finding["sentence"].startswith("ADWIN says the mean of a changed: ")
    assert [(signal["name"], signal["detector"]) for signal in finding["signals"]] == [("a", "river adwin")]
    assert ONSET <= finding["row"] < ONSET + 100
    assert abs(finding["onset_row"] - ONSET) < 20


def test_a_table_that_watches_nothing_is_said(shifted: Path) -> None:
    """On stderr, with the names that are there."""
    _, said = _replay(shifted, '[[river]]\ndetector = "kswin"\nsignals = ["d"]\n')
    assert "driftline: river kswin: watches nothing here: no signal fits d; there are a, b, c\n" in said


def test_a_mistake_in_the_configuration_ends_with_78(shifted: Path) -> None:
    """As for the agent, and with the same words."""
    path = shifted.parent / "bad.toml"
    path.write_text('[[river]]\ndetector = "adwim"\nsignals = ["a"]\n')
    result = CliRunner().invoke(group, ["replay", str(shifted), "--config", str(path)])
    assert (result.exit_code, result.stdout) == (78, "")
    assert "bad.toml:2: river[0].detector = 'adwim': unknown; did you mean adwin?" in result.stderr
