from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from agent.clock import ManualClock
from agent.model import Reading
from collectors.host import HostCollector

if TYPE_CHECKING:
    import pytest

GOLDEN = Path(__file__).parent / "golden"


def readings(collector: HostCollector) -> dict[tuple[str, tuple[tuple[str, str], ...]], Reading]:
    """Return what the collector has to say, by name and labels."""
    items = collector.collect()
    found = [item for item in items if isinstance(item, Reading)]
    assert len(found) == len(items)
    return {(reading.name, reading.labels): reading for reading in found}


def test_it_measures_when_it_is_due() -> None:
    """There are readings at once, then none for the interval, then one round however long it took."""
    clock = ManualClock(5)
    collector = HostCollector(clock, root=GOLDEN / "pc", interval_s=2.0)
    sizes = []
    for seconds in (0, 1.9, 0.2, 60, 0.5):
        clock.advance(seconds)
        sizes.append(bool(collector.collect()))
    assert sizes == [True, False, True, True, False]


def test_what_the_first_round_cannot_know_is_left_out() -> None:
    """Utilization needs two looks: the first round has none, instead of a 0."""
    clock = ManualClock()
    collector = HostCollector(clock, root=GOLDEN / "pc")
    collector.watch_pids({os.getpid(): "meter"})
    first = {name for name, _ in readings(collector)}
    clock.advance(5)
    second = {name for name, _ in readings(collector)}
    assert second - first == {"system.cpu.utilization", "process.cpu.utilization"}


def test_the_host_by_its_names(tmp_path: Path) -> None:
    """Processor, memory, disk and sensors have OpenTelemetry names and base units, and the time of the round."""
    clock = ManualClock(1_000)
    collector = HostCollector(clock, root=GOLDEN / "raspberry_pi", state_dir=tmp_path)
    collector.collect()
    clock.advance(5)
    found = readings(collector)
    used, disk = (("state", "used"),), (("mountpoint", str(tmp_path)),)
    assert found["hw.temperature", (("sensor", "cpu-thermal"),)] == Reading(
        "hw.temperature", "Cel", 61.835, 5_000_001_000, (("sensor", "cpu-thermal"),)
    )
    for key in [
        ("system.cpu.utilization", ()),
        ("system.memory.utilization", used),
        ("system.filesystem.utilization", disk),
    ]:
        assert found[key].unit == "1"
        assert 0 <= found[key].value <= 1
    assert 0 < found["system.memory.usage", used].value < found["system.memory.limit", ()].value
    assert found["system.cpu.load_average.1m", ()].value >= 0


def test_a_state_directory_that_is_not_there(tmp_path: Path) -> None:
    """Without the directory there is no reading of its file system."""
    found = readings(HostCollector(ManualClock(), root=tmp_path, state_dir=tmp_path / "none"))
    assert not [name for name, _ in found if name.startswith("system.filesystem")]


def test_a_watched_process() -> None:
    """A service's processor time, memory, threads and open files are told with its pid and model."""
    clock = ManualClock()
    collector = HostCollector(clock, root=GOLDEN / "pc")
    collector.watch_pids({os.getpid(): "meter"})
    labels = (("pid", str(os.getpid())), ("model", "meter"))
    found = readings(collector)
    assert found["process.memory.usage", labels].value > 1 << 20
    assert found["process.thread.count", labels].value >= 1
    with Path(os.devnull).open("rb"):
        clock.advance(5)
        more = readings(collector)
    count = ("process.open_file_descriptor.count", labels)
    assert more[count].value == found[count].value + 1


def test_how_much_a_watched_process_is_held_up(tmp_path: Path) -> None:
    """It is told from the second round on; not of a process with too many threads to read."""
    clock = ManualClock()
    collector = HostCollector(clock, root=tmp_path)
    pids = {os.getpid(): "meter", os.getppid(): "valve"}
    collector.watch_pids(pids)
    found = []
    for seconds in (0, 5):
        clock.advance(seconds)
        for pid, threads in zip(pids, (1, 512), strict=True):
            for thread in range(threads):
                folder = tmp_path / "proc" / str(pid) / "task" / str(thread)
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "schedstat").write_text(f"{1 + seconds}000000000 {seconds // 2}000000000 1\n")
        told = readings(collector).values()
        found.append({reading.labels: reading.value for reading in told if reading.name == "process.cpu.slowdown"})
    assert found == [{}, {(("pid", str(os.getpid())), ("model", "meter")): 1.4}]


def test_what_is_not_ours_to_see_of_a_process_hides_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent without privileges may not count the files of another user's service; all else is told."""

    def denied(_: psutil.Process) -> int:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil.Process, "num_fds", denied)
    clock = ManualClock()
    collector = HostCollector(clock)
    collector.watch_pids({os.getpid(): "meter"})
    readings(collector)
    clock.advance(5)
    told = {name for name, _ in readings(collector) if name.startswith("process.")} - {"process.cpu.slowdown"}
    assert told == {"process.cpu.utilization", "process.memory.usage", "process.thread.count"}


def test_another_process_with_the_same_number_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was counted of the one that ended says nothing of it."""
    clock = ManualClock()
    collector = HostCollector(clock)
    collector.watch_pids({os.getpid(): "meter"})
    told = []
    for running in (True, True, False, True):
        monkeypatch.setattr(psutil.Process, "is_running", lambda _, running=running: running)
        told.append("process.cpu.utilization" in {name for name, _ in readings(collector)})
        clock.advance(5)
    assert told == [False, True, False, True]


def test_a_process_that_ends_has_no_readings() -> None:
    """A pid without a process, or with one that ended, is left out and does not stop the others."""
    clock = ManualClock()
    collector = HostCollector(clock, root=GOLDEN / "pc")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        collector.watch_pids({child.pid, os.getpid()})
        before = {labels for name, labels in readings(collector) if name == "process.memory.usage"}
    clock.advance(5)
    after = {labels for name, labels in readings(collector) if name == "process.memory.usage"}
    assert before == {(("pid", str(child.pid)),), (("pid", str(os.getpid())),)}
    assert after == {(("pid", str(os.getpid())),)}


def test_watching_others_forgets_the_first() -> None:
    """The newest set of pids is the only one."""
    collector = HostCollector(ManualClock(), root=GOLDEN / "pc")
    collector.watch_pids({os.getpid()})
    collector.watch_pids({})
    assert not [name for name, _ in readings(collector) if name.startswith("process.")]
