from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pytest
import river
from click.testing import CliRunner

from agent.cli import group
from agent.config import ConfigError
from agent.model import Signal, Stream
from agent.monitor import StreamMonitor
from agent.ports import UnfitError
from agent.replay import NoStore
from agent.wiring import Config, load_config, make_error_factories, make_factories
from detectors.river import RiverConfig, error_factories, river_factories
from detectors.river.config import entry_names
from detectors.river.factories import chosen_signals
from tests.detectors.river.streams_of_river import direct_drifts, judged, reference_of, values_for
from tests.detectors.streams import make_block

if TYPE_CHECKING:
    from pathlib import Path

    from detectors import Reference

SIGNALS = (
    Signal("feature_a", "input"),
    Signal("feature_b", "input"),
    Signal("still", "input"),
    Signal("stuck_pixels", "input", "flag"),
    Signal("door", "input", "categorical"),
    Signal("confidence", "output"),
    Signal("latency", "runtime", "continuous", "s"),
)


@pytest.fixture(scope="module")
def reference() -> Reference:
    """Learn one of every kind of signal."""
    rng = np.random.default_rng(0)
    columns = [rng.normal(size=200), rng.normal(size=200), np.full(200, 3.0), np.zeros(200)]
    return reference_of(
        np.column_stack([*columns, rng.integers(0, 2, 200), rng.random(200), rng.random(200)]), *SIGNALS
    )


def _refusal(tmp_path: Path, text: str) -> str:
    path = tmp_path / "driftline.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(str(path))
    return str(caught.value).removeprefix(f"{tmp_path}/driftline.toml:")


def test_nothing_is_chosen_by_default(tmp_path: Path) -> None:
    """An empty configuration has none of river's detectors."""
    (tmp_path / "driftline.toml").touch()
    assert load_config(str(tmp_path / "driftline.toml"))[1].river == ()


def test_tables_are_read(tmp_path: Path) -> None:
    """Detector, signals and parameters become a record each."""
    path = tmp_path / "driftline.toml"
    path.write_text(
        'site = "a"\n[[river]]\ndetector = "adwin"\nsignals = ["confidence", "feature_*"]\n'
        'parameters = { delta = 0.002, clock = 8 }\n[[river]]\ndetector = "ddm"\nsignals = ["wrong"]\n'
    )
    assert load_config(str(path))[1].river == (
        RiverConfig("adwin", ("confidence", "feature_*"), {"delta": 0.002, "clock": 8}),
        RiverConfig("ddm", ("wrong",)),
    )


GOOD = '[[river]]\ndetector = "ddm"\nsignals = ["wrong"]\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[[river]]\ndetector = "adwim"\nsignals = ["a"]\n',
            (
                "2: river[0].detector = 'adwim': unknown; did you mean adwin? accepted: adwin, page_hinkley, kswin, "
                "ddm, eddm, fhddm, hddm_a, hddm_w, half_space_trees"
            ),
        ),
        (
            '[[river]]\ndetector = "adwin"\nsignals = ["a"]\nparameters = { delt = 0.1 }\n',
            (
                "4: river[0].parameters.delt = 0.1: unknown; did you mean delta? adwin accepts clock, delta, "
                "grace_period, max_buckets, min_window_length"
            ),
        ),
        (
            GOOD + '[[river]]\ndetector = "adwin"\nsignals = ["a"]\n[river.parameters]\nclock = 2\ndelta = 2\n',
            "9: river[1].parameters.delta = 2: accepted: a number above 0 and at most 1",
        ),
        (
            '[[river]]\ndetector = "adwin"\nsignals = ["a"]\nparameters = { clock = 1.5 }\n',
            "4: river[0].parameters.clock = 1.5: accepted: a whole number at least 1 and at most 1e+06",
        ),
        (
            '[[river]]\ndetector = "page_hinkley"\nsignals = ["a"]\nparameters = { mode = "sideways" }\n',
            "4: river[0].parameters.mode = 'sideways': accepted: up, down or both",
        ),
        (
            '[[river]]\ndetector = "hddm_a"\nsignals = ["wrong"]\nparameters = { two_sided_test = 1 }\n',
            "4: river[0].parameters.two_sided_test = 1: accepted: true or false",
        ),
        (
            '[[river]]\ndetector = "kswin"\nsignals = ["a"]\nparameters = { window_size = 50 }\n',
            "4: river[0].parameters.window_size = 50: stat_size 30 may be at most half of window_size 50",
        ),
        (
            GOOD + '[[river]]\ndetector = "hddm_w"\nsignals = ["confidence"]\n',
            (
                "6: river[1].signals = ['confidence']: hddm_w judges errors, and confidence is none; accepted: wrong "
                "(from labels), flags, and signals that are 0 or 1"
            ),
        ),
        (
            '[[river]]\ndetector = "half_space_trees"\nsignals = ["heat"]\n',
            (
                "3: river[0].signals = ['heat']: half_space_trees looks at several signals together; accepted: two or "
                "more signals of the same inference, or a pattern"
            ),
        ),
        (
            '[[river]]\ndetector = "adwin"\nsignals = []\n',
            (
                "3: river[0].signals = []: names no signal; accepted: names of signals or patterns, such as "
                '["confidence", "feature_*"]'
            ),
        ),
        (
            GOOD + '[[river]]\ndetector = "ddm"\nsignal = ["wrong"]\n',
            "6: unknown key river[1].signal: did you mean signals? [[river]] accepts detector, parameters, signals",
        ),
        (
            '[[river]]\ndetector = "ddm"\nsignals = "wrong"\n',
            "3: river[0].signals = 'wrong': accepted is a list",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line_and_what_is_accepted(tmp_path: Path, text: str, message: str) -> None:
    """The user's own key and value are quoted, in the right table of several."""
    assert _refusal(tmp_path, text) == message


def test_without_river_the_message_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`driftline config check` says what to install, and ends with 78."""
    path = tmp_path / "driftline.toml"
    path.write_text('[[river]]\ndetector = "adwin"\nsignals = ["a"]\n')
    monkeypatch.setitem(sys.modules, "river", None)  # as an import finds it where it is not installed
    result = CliRunner().invoke(group, ["config", "check", str(path)])
    expected = (
        "river[0].detector = 'adwin': the package river is not installed here; pip install \"driftline[river]\"\n"
    )
    assert (result.exit_code, result.stderr) == (78, f"driftline: {path}:2: {expected}")


def test_config_check_prints_what_it_would_read_again(tmp_path: Path) -> None:
    """What it prints is a configuration of the same meaning."""
    path = tmp_path / "driftline.toml"
    path.write_text(
        'site = "a"\n[[river]]\ndetector = "adwin"\nsignals = ["a", "b*"]\nparameters = { delta = 0.1 }\n' + GOOD
    )
    result = CliRunner().invoke(group, ["config", "check", str(path)])
    again = tmp_path / "again.toml"
    again.write_text(result.stdout)
    assert load_config(str(again))[1] == load_config(str(path))[1]


@pytest.mark.parametrize(
    ("detector", "signals", "expected"),
    [
        ("adwin", ("feature_*", "confidence"), ["feature_a", "feature_b", "confidence"]),
        ("adwin", ("*",), ["feature_a", "feature_b", "still", "stuck_pixels", "door", "confidence"]),
        ("adwin", ("latency", "nowhere"), ["latency"]),
        ("ddm", ("*",), ["stuck_pixels", "door"]),
        ("ddm", ("wrong", "door"), ["door"]),
        ("half_space_trees", ("*",), ["feature_a", "feature_b", "door", "confidence"]),
    ],
)
def test_names_and_patterns_choose_the_signals_that_fit(
    reference: Reference, detector: str, signals: tuple[str, ...], expected: list[str]
) -> None:
    """A pattern takes what the detector can judge, of inputs and outputs; a name that is not there is passed over."""
    chosen = chosen_signals(RiverConfig(detector, signals), reference)
    assert [signal.name for signal, _ in chosen] == expected
    assert all(column == SIGNALS.index(signal) for signal, column in chosen)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (RiverConfig("eddm", ("feature_a",)), r"feature_a has other values than 0 and 1 \(such as 0\.1257\); eddm"),
        (RiverConfig("adwin", ("nowhere",)), "no signal fits nowhere; there are feature_a, feature_b, still"),
        (RiverConfig("half_space_trees", ("feature_a", "still")), "still never changed in the reference"),
        (RiverConfig("half_space_trees", ("feature_a", "nowhere")), "here only feature_a fits"),
    ],
)
def test_a_stream_that_does_not_fit_is_said_clearly(reference: Reference, entry: RiverConfig, message: str) -> None:
    """The factory names the signal, a value of it, and what would be accepted."""
    (factory,) = river_factories([entry]).values()
    with pytest.raises(UnfitError, match=message):
        factory(reference, 0.0)


def test_the_latency_of_a_stream_without_such_a_column_is_the_blocks() -> None:
    """ADWIN on `latency` reads the latencies that every block has."""
    reference = reference_of(np.random.default_rng(1).normal(size=(100, 1)), SIGNALS[0])
    (factory,) = river_factories([RiverConfig("adwin", ("latency",))]).values()
    latency = np.where(np.arange(2_000) < 1_000, 0.01, 0.05)
    blocks = [
        make_block(np.zeros((100, 1)), SIGNALS[:1], start=at, latency=latency[at : at + 100])
        for at in range(0, 2_000, 100)
    ]
    first = judged(factory(reference, 0.0), blocks)[0]
    assert (first.signal.name, first.row) == ("latency", direct_drifts("adwin", latency, {})[0])


def test_entries_on_wrong_judge_the_errors_that_labels_show() -> None:
    """They are no detectors of the rows themselves, but of the stream of errors, whose one signal is `wrong`."""
    wrong = Signal("wrong", "output", "flag")
    entries = [RiverConfig("adwin", ("confidence",)), RiverConfig("ddm", ("wrong",)), RiverConfig("kswin", ("*",))]
    assert list(river_factories(entries)) == ["river adwin", "river kswin"]
    errors = values_for("ddm", 1, 2_000)
    ((name, make),) = error_factories(entries).items()
    blocks = [make_block(errors[at : at + 1, None], (wrong,), start=at) for at in range(2_000)]
    scores = judged(make(reference_of(errors[:100], wrong), 1e6), blocks)
    assert name == "river ddm"
    assert [score.row for score in scores] == direct_drifts("ddm", errors, {})
    assert scores[0].detail.startswith("DDM says wrong is 1 more often: 0.")


def test_the_agent_gives_each_stream_its_tables_outside_the_budget() -> None:
    """Rows get those that name signals of theirs, the errors those that name `wrong`; no share of the budget."""
    config = Config(river=(RiverConfig("adwin", ("a", "wrong")), RiverConfig("ddm", ("wrong",))))
    rows = {name: share for name, (_, share) in make_factories(config).detectors.items() if "river" in name}
    errors = {name: share for name, (_, share) in make_error_factories(config).detectors.items() if "river" in name}
    assert (rows, errors) == ({"river adwin": 0.0}, {"river adwin": 0.0, "river ddm": 0.0})


def test_two_tables_of_one_detector_have_names_of_their_own() -> None:
    """So that each keeps a state of its own."""
    entries = [RiverConfig("adwin", ("a",)), RiverConfig("kswin", ("a",)), RiverConfig("adwin", ("b",))]
    assert entry_names(entries) == ["river adwin", "river kswin", "river adwin 2"]


@pytest.mark.parametrize("detector", ["adwin", "half_space_trees"])
def test_a_state_of_another_river_or_of_other_settings_is_refused(
    reference: Reference, detector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names what differs; the monitor then begins that detector anew and says so."""
    (factory,) = river_factories([RiverConfig(detector, ("feature_*",))]).values()
    state = factory(reference, 0.0).state()
    (other,) = river_factories([RiverConfig(detector, ("feature_*",), OTHER[detector])]).values()
    with pytest.raises(ValueError, match=f"stored river {detector} state belongs to another parameters"):
        other(reference, 0.0).restore(state)
    monkeypatch.setattr(river, "__version__", "0.99.0")
    with pytest.raises(ValueError, match=r"belongs to another river 0\.26\.\d+, not 0\.99\.0"):
        factory(reference, 0.0).restore(state)


OTHER: dict[str, dict[str, int | float | bool | str]] = {"adwin": {"delta": 0.01}, "half_space_trees": {"height": 5}}


def test_a_detector_that_cannot_be_made_does_not_take_the_others_down(reference: Reference) -> None:
    """One that has nothing to judge is said to be well, one that fails is not; both with the reason."""

    def failing(_reference: Reference, _alarms_per: float) -> NoReturn:
        raise ImportError("no module of that name")

    entries = [RiverConfig("adwin", ("nowhere",)), RiverConfig("page_hinkley", ("confidence",))]
    made = make_factories(Config(river=tuple(entries)))
    monitor = StreamMonitor(
        Stream(model="m"), replace(made, detectors={**made.detectors, "broken": (failing, 0.0)}), NoStore(), 1e6
    )
    monitor.adopt(reference)
    notes = {part.name: (part.ok, part.note.split(";")[0]) for part in monitor.health()}
    assert notes == {
        "m broken": (False, "ImportError: no module of that name"),
        "m river adwin": (True, "watches nothing here: no signal fits nowhere"),
    }
