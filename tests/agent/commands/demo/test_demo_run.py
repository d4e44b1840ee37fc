from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from agent.clock import SystemClock
from agent.commands.demo import place as demo_place
from agent.commands.demo import words as demo_words
from agent.commands.demo.record import Record, Truth
from agent.commands.demo.run import Demo, DemoError, Plan, Programs, StoppedError
from agent.commands.demo.view import LineView
from agent.ports import AgentAwayError
from tests.agent.commands.demo.fake_demo_agent import FakeSource
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[3]


def programs(agent: str = "good", service: str = "good") -> Programs:
    """Give the fake programs with these behaviours."""

    def start_agent(place: demo_place.Place) -> list[str]:
        return [sys.executable, str(HERE / "fake_demo_agent.py"), str(place.run), agent]

    def start_service(plan: Plan) -> list[str]:
        return [sys.executable, str(HERE / "fake_demo_service.py"), str(plan.seconds), service]

    return Programs(start_agent, start_service, FakeSource)  # type: ignore[arg-type]  # asked for its status alone


class Stage:
    """A demo with fake programs, and what it said."""

    def __init__(
        self, place: demo_place.Place, chosen: Programs, seconds: float = 1.0, view: type[LineView] = LineView
    ) -> None:
        self.said: list[str] = []
        self.record = Record()
        self.plan = Plan(seconds=seconds, seed=0, drift="fouling", onset=seconds / 2)
        self.view = view(self.plan, self.record, self.said.append)
        self.place = place
        self.demo = Demo(self.plan, place, chosen, SystemClock(), self.record, self.view)

    def play(self) -> None:
        asyncio.run(self.demo.run())

    def on(self, event: str, act: Callable[[], None]) -> None:
        """Do something when the service says a thing for the first time."""
        heard, waiting = self.view.heard, [act]

        def hear(truth: Truth) -> None:
            heard(truth)
            if truth.event == event and waiting:
                waiting.pop()()

        self.view.heard = hear  # type: ignore[method-assign]  # a tap on this one view

    def agent_pid(self) -> int:
        return FakeSource(self.place.run / "agent.sock").status().agent.pid


@pytest.fixture
def place(tmp_path: Path) -> Iterator[demo_place.Place]:
    """Claim a place, and leave it."""
    claimed = demo_place.claim(str(tmp_path / "state"))
    yield claimed
    claimed.leave()


def processes_of(place: demo_place.Place) -> list[int]:
    """Return every process that was started for this demo, by its environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("DRIFTLINE_RUN") == str(place.run):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def test_a_demo_tells_when_the_fault_was_noticed_and_what_it_was(place: demo_place.Place) -> None:
    """The result holds the agent's finding beside the service's truth."""
    stage = Stage(place, programs())
    stage.play()
    result = stage.record.result(rss_bytes=120_000_000, cpu_percent=2.5)

    assert (result.false_alarms, result.kinds, result.signals) == (0, ["shift"], ["sharpness", "contrast"])
    assert result.cause == "sensor: camera lens dirty or out of focus"
    assert (result.accuracy_before, result.accuracy_after) == (1.0, 0.2)
    assert (result.agent_rss_mb, result.agent_cpu_percent, result.probe_p50_ns) == (120.0, 2.5, 1234.5)
    assert result.onset_s is not None
    assert result.detected_s is not None
    assert result.onset_s <= result.detected_s <= result.onset_s + 0.5
    assert result.delay_inferences is not None
    assert 0 <= result.delay_inferences <= 50
    assert result.inferences == stage.record.latest.inferences if stage.record.latest else None


def test_a_demo_leaves_no_process_behind(place: demo_place.Place) -> None:
    """Agent and service have ended when the demo has."""
    Stage(place, programs()).play()
    assert processes_of(place) == []


def test_the_lines_on_the_way_say_what_happens(place: demo_place.Place) -> None:
    """A reader of a log learns of the start, the learning, the fault and its discovery, in this order."""
    stage = Stage(place, programs(), seconds=3.0)
    stage.play()
    text = "\n".join(stage.said)
    places = [text.find(w) for w in ("camera reads", "learned from 20", "the lens fouls", "Driftline notices", "Clean")]
    assert -1 not in places
    assert places == sorted(places)


def test_the_summary_fits_a_terminal_and_names_what_matters(place: demo_place.Place) -> None:
    """Nothing is wider than 80 columns; sentence, cause, advice, accuracy, cost, evidence and next steps are there."""
    stage = Stage(place, programs())
    stage.play()
    result = stage.record.result(rss_bytes=120_000_000, cpu_percent=2.5)
    lines = demo_words.summary(stage.demo, result)
    text = " ".join(" ".join(lines).split())
    for wanted in (
        "Images have lost sharpness and contrast.", "camera lens dirty", "Clean the lens.", "False alarms", "none",
        "100%", "20%", "1.2 µs", "120 MB", "2.5 % of one core", "driftline findings --state", "driftline query",
        "driftline.watch(",
    ):  # fmt: skip
        assert wanted in text
    assert [line for line in lines if len(line) > 80 and str(place.state) not in line] == []


def test_without_a_fault_nothing_is_found(place: demo_place.Place) -> None:
    """A healthy run has no onset, no finding and no false alarm, and null where there is nothing to say."""
    stage = Stage(place, programs(service="healthy"))
    stage.play()
    result = stage.record.result(rss_bytes=None, cpu_percent=None)
    assert (result.false_alarms, result.kinds, result.signals) == (0, [], [])
    assert [
        result.onset_s, result.detected_s, result.delay_inferences, result.cause, result.accuracy_after,
    ] == [None] * 5  # fmt: skip


def test_a_killed_agent_is_started_again(place: demo_place.Place) -> None:
    """Kill -9 of the agent in mid-demo: another takes its place, the fault is found, and the summary says so."""
    stage = Stage(place, programs(), seconds=2.0)
    killed = []

    def kill() -> None:
        killed.append(stage.agent_pid())
        os.kill(killed[0], signal.SIGKILL)

    stage.on("ready", kill)
    stage.play()
    assert stage.record.restarts == 1
    assert stage.record.result(rss_bytes=None, cpu_percent=None).kinds == ["shift"]
    assert not psutil.pid_exists(killed[0])
    assert any("SIGKILL; it is started again" in line for line in stage.said)
    summary = demo_words.summary(stage.demo, stage.record.result(rss_bytes=None, cpu_percent=None))
    assert any("stopped once on the way" in line for line in summary)


@pytest.mark.parametrize(
    ("agent", "service", "message"),
    [
        ("stillborn", "good", r"agent ended with exit code 1(.|\n)*no room on this device"),
        ("crash", "good", r"agent ended with exit code 1(.|\n)*boom"),
        ("good", "crash", r"service ended with exit code 1(.|\n)*the lens fell off"),
        ("good", "babble", r"hello"),
    ],
)
def test_a_part_that_fails_ends_the_demo_with_its_log(
    place: demo_place.Place, agent: str, service: str, message: str
) -> None:
    """The error shows the end of the log of what failed, and everything else is stopped."""
    with pytest.raises(DemoError, match=message):
        Stage(place, programs(agent, service)).play()
    assert processes_of(place) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(place: demo_place.Place, number: signal.Signals) -> None:
    """Ctrl-C, SIGTERM and a closed terminal end the demo at once, with nothing left behind."""
    stage = Stage(place, programs(), seconds=60.0)
    stage.on("ready", lambda: os.kill(os.getpid(), number))
    with pytest.raises(StoppedError, match=number.name):
        stage.play()
    assert processes_of(place) == []


def test_a_signal_while_the_agent_starts_stops_everything(place: demo_place.Place) -> None:
    """Ctrl-C before anything answers ends the demo too."""
    stage = Stage(place, programs())
    stage.view.starting = lambda: os.kill(os.getpid(), signal.SIGINT)  # type: ignore[method-assign]  # a tap
    with pytest.raises(StoppedError):
        stage.play()
    assert processes_of(place) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help against orphans is Linux's")
def test_a_demo_that_is_killed_leaves_no_orphans(tmp_path: Path) -> None:
    """Kill -9 of the demo itself ends agent and service, and frees the state directory."""
    script = (
        "import sys; from tests.agent.commands.demo.test_demo_run import *\n"
        "place = demo_place.claim(sys.argv[1]); print(place.run, flush=True)\n"
        "stage = Stage(place, programs(), seconds=60.0)\n"
        "stage.on('progress', lambda: print('playing', flush=True))\n"
        "stage.play()\n"
    )
    state = tmp_path / "state"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(state)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        orphaned = demo_place.Place(state, Path(demo.stdout.readline().strip()), -1)
        assert demo.stdout.readline() == "playing\n"
        assert len(processes_of(orphaned)) == 2
        demo.kill()
    wait_until(lambda: not processes_of(orphaned), "agent and service have ended")

    def claim_again() -> bool:
        try:
            demo_place.claim(str(state)).leave()
        except demo_place.PlaceError:
            return False  # a process that is gone from sight holds its files for a moment longer
        return True

    wait_until(claim_again, "the state directory is free")
    assert not orphaned.run.exists()


def test_a_person_who_closes_the_dashboard_ends_the_demo_early(place: demo_place.Place) -> None:
    """A view that returns stops the service politely, and the summary says that it was closed early."""
    stage = Stage(place, programs(), seconds=60.0)

    async def close(_source: object, _over: asyncio.Event) -> None:
        while stage.record.latest is None or stage.record.latest.inferences == 0:  # noqa: ASYNC110  # no event to wait for
            await asyncio.sleep(0)

    stage.view.open = close  # type: ignore[method-assign,assignment]  # a tap
    stage.play()
    assert stage.record.latest is not None
    assert stage.record.latest.event == "end"
    assert stage.demo.left_early
    lines = demo_words.summary(stage.demo, stage.record.result(rss_bytes=None, cpu_percent=None))
    assert any("You closed it early" in line for line in lines)


def test_the_fake_agent_says_what_a_real_one_could() -> None:
    """A source without an agent raises what the real client raises."""
    with pytest.raises(AgentAwayError):
        FakeSource(Path("/nonexistent/agent.sock")).status()
