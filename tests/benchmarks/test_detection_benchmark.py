import math

import numpy as np
import pytest

from benchmarks.detection import bound
from benchmarks.detection_cases import AFTER, BEFORE, Case, blocks_of
from benchmarks.detection_peers import DETECTORS, Look, listen
from benchmarks.null_calibration import BUDGETS, alarms, report, upper_bound
from benchmarks.null_streams import FAMILIES, autoregressive, names_of


def case(jump: float) -> Case:
    """Return a stream of two signals, of which one jumps."""
    rows = np.random.default_rng(3).normal(size=(2_000 + BEFORE + AFTER, 2))
    rows[2_000 + BEFORE :, 1] += jump
    return Case("made", "jump", ("a", "b"), rows[:2_000], rows[2_000:], BEFORE)


def test_bounds_are_exact() -> None:
    """No alarm in 50 streams bounds the share at 1 - .05^(1/50), none in many rows the mean count at -ln .05."""
    assert upper_bound(0, 50) == pytest.approx(1 - 0.05 ** (1 / 50))
    assert upper_bound(50, 50) == 1.0
    assert bound(0) == pytest.approx(-math.log(0.05))


def test_memory_of_null_streams_is_what_their_name_says() -> None:
    """AR(1) streams have variance 1 and the stated correlation from the first row on."""
    values = autoregressive(0.9)(np.random.default_rng(0), 200_000)
    assert values.var(axis=0) == pytest.approx(np.ones(5), rel=0.1)
    assert np.mean(values[1:] * values[:-1]) == pytest.approx(0.9, abs=0.05)
    starts = np.array([autoregressive(0.9)(np.random.default_rng(seed), 2)[0] for seed in range(400)])
    assert starts.var() == pytest.approx(1.0, rel=0.15)


@pytest.mark.parametrize("family", FAMILIES)
def test_null_streams_have_a_name_for_each_signal(family: str) -> None:
    """Every family gives as many rows as asked for, and as many columns as names."""
    assert FAMILIES[family](np.random.default_rng(0), 300).shape == (300, len(names_of(family)))


@pytest.mark.parametrize("name", [name for name in DETECTORS if "KSWIN" not in name])
def test_every_detector_hears_a_jump(name: str) -> None:
    """A jump of four deviations is found by all, by windows at the end of the first whole one."""
    heard = listen(case(4.0), DETECTORS[name])
    assert heard.quiet_rows == BEFORE
    assert heard.delay is not None
    assert heard.delay <= 500
    assert ("windows" in name) == (heard.delay == 500)


def test_a_costly_detector_sees_only_its_part() -> None:
    """Rows before the lead and after the end of a look are not shown."""
    shown: list[Case] = []

    def keep(part: Case) -> "list[int]":
        shown.append(part)
        return []

    heard = listen(case(0.0), Look(lambda part: iter(keep(part)), lead=100, rows=500))
    assert (len(shown[0].stream), shown[0].onset, heard.quiet_rows, heard.delay) == (600, 100, 100, None)


def test_blocks_are_drawn_whole() -> None:
    """Rows of one block stay together and in order."""
    drawn = blocks_of(np.arange(40.0)[:, None], 8, np.random.default_rng(0), 20)[:, 0]
    assert len(drawn) == 20
    assert np.diff(drawn.reshape(-1, 4), axis=1).tolist() == [[1.0, 1.0, 1.0]] * 5


def test_a_cell_counts_streams_that_alarm(capsys: pytest.CaptureFixture[str]) -> None:
    """The table holds one cell a family, length of reference and budget, and marks what breaks the promise."""
    quiet = {f"{budget:g}": False for budget in BUDGETS}
    runs = {f"counts/200/{seed}": dict(quiet) for seed in range(30)}
    for seed in range(15):
        runs[f"counts/200/{seed}"]["10000"] = True
    report(runs)
    said = capsys.readouterr().out
    assert "| 200 | 10000 | 15/30 (0.66)! |" in said
    assert "| 200 | 100000 | 0/30 (0.10) |" in said


def test_a_stream_that_changes_alarms_within_its_horizon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is counted are alarms of the shift detector: a family that jumps behind its reference alarms."""

    def jumps(rng: np.random.Generator, rows: int) -> np.ndarray:
        values = rng.normal(size=(rows, 5))
        values[500:] += 2
        return values

    monkeypatch.setitem(FAMILIES, "counts", jumps)
    monkeypatch.setattr("benchmarks.null_calibration.BUDGETS", (1e4,))
    assert alarms("counts", 500, 0) == {1e4: True}
