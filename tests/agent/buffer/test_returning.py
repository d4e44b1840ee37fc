"""Segments with long logs, which a start does not wait for."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import psutil
import pytest

from agent.buffer import BufferConfig
from agent.buffer.asking import Asking
from agent.buffer.folding import Folding
from agent.buffer.query import QueryResult
from agent.clock import ManualClock
from tests.agent.buffer.blocks import NOW_NS, ask, bring_back, make_block, make_finding, opened
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable


NAMES = [f"s{at}" for at in range(20)]
ROWS = 45_000  # of which a row group is in its table
LONG_BYTES = 1 << 20  # here; usually it would take 24 MiB
ALL = BufferConfig(capture="all")
COUNT = "SELECT count(*), count(DISTINCT s0) FROM inferences"
BEGIN = """
import sys
from pathlib import Path
from agent.buffer import open_buffer, segments
from tests.agent.buffer.test_returning import ALL, LONG_BYTES
from agent.clock import SystemClock
segments._MOST_IN_THE_WAY = LONG_BYTES
buffer = open_buffer(Path(sys.argv[1]), SystemClock(), ALL)
buffer.commit(everything=False)
print(buffer.status().rows, buffer.positions()["a.ring"], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a hard stop leaves of an agent whose log could not be folded in."""
    folder, random = tmp_path_factory.mktemp("left"), np.random.default_rng(1)
    with opened(folder / "state", BufferConfig(capture="all", wal_mib=64.0, duckdb_memory_mib=256)) as buffer:
        buffer.save_finding(make_finding())
        for first in range(0, ROWS, 9_000):
            block = make_block(9_000, first=first, names=NAMES)
            block.values[:, 1:] = random.normal(size=(9_000, 19))
            buffer.append([block], [])
            buffer.commit()
        shutil.copytree(folder / "state", folder / "crashed")
    return folder / "crashed"


@pytest.fixture
def crashed(left: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which a start here does not wait for."""
    monkeypatch.setattr("agent.buffer.segments._MOST_IN_THE_WAY", LONG_BYTES)
    return shutil.copytree(left, tmp_path / "crashed")


def _segments(directory: Path) -> list[str]:
    return sorted(path.name[:6] for path in (directory / "segments").iterdir() if path.suffix == ".duckdb")


def test_a_start_goes_on_without_the_rows_of_a_long_log(crashed: Path) -> None:
    """What was committed and what was found is known at once, new rows go to a new segment, and all are there later."""
    with opened(crashed, ALL) as buffer:
        assert (buffer.status().rows, buffer.positions()) == (ROWS, {"a.ring": ROWS})
        assert [finding.id for finding in buffer.findings()] == ["f-1"]
        assert ["still being read back from 000001-" in note for note in buffer.status().notes] == [True]
        buffer.append([make_block(10, first=ROWS, names=NAMES)], [])
        buffer.commit()
        assert (ask(buffer, COUNT), _segments(crashed)) == ([[10, 10]], ["000001", "000002"])
        bring_back(buffer)
        assert ask(buffer, COUNT) == [[ROWS + 10, ROWS + 10]]
        assert ask(buffer, f"SELECT s0 FROM inferences LIMIT 1 OFFSET {ROWS}") == [[float(ROWS)]]
        assert (buffer.status().rows, buffer.status().notes, buffer.repairs) == (ROWS + 10, (), ())
    assert not list((crashed / "segments").glob("*.wal"))


def test_batches_have_ids_that_none_had_before(crashed: Path) -> None:
    """Those of the long log are known without it, and one in doubt is found there."""
    with opened(crashed, ALL) as buffer:
        segments = buffer._files.segments
        engine = buffer._files.ready()
        assert engine
        assert (segments.last_batch, segments.holds(engine, 5), segments.holds(engine, 6)) == (5, True, False)
        buffer.append([make_block(10, first=ROWS, names=NAMES)], [])
        buffer.commit()
        bring_back(buffer)
        found = [engine.run(f"SELECT id FROM {s.alias}.batches ORDER BY id") for s in segments.opened]
        assert found == [[(number,) for number in range(1, 6)], [(6,)]]


def test_an_answer_says_whose_rows_are_not_in_it(crashed: Path) -> None:
    """Both one that the agent gives itself, and one of a process, which does not touch the file."""
    with opened(crashed, ALL) as buffer:
        asking = Asking(buffer)

        def answers() -> list[tuple[list[list[object]], tuple[bool, ...]]]:
            told = [
                msgspec.json.decode(asking.query(sql, 10, 20.0), type=QueryResult)
                for sql in ("SELECT count(*) FROM inferences", "SELECT count(*) + length(printf('')) FROM inferences")
            ]
            return [(one.rows, tuple("being read back" in note for note in one.notes)) for one in told]

        assert answers() == [([[0]], (True,))] * 2
        bring_back(buffer)
        assert answers() == [([[ROWS]], ())] * 2


def test_nobody_goes_on_from_what_comes_after_the_missing_rows(crashed: Path) -> None:
    """Rows since a mark, the last rows and summaries are refused or held back, not given with a gap."""
    with opened(crashed, ALL) as buffer:
        key = make_block(1).stream.key
        with pytest.raises(OSError, match="still being read back"):
            list(buffer.rows_since(key, b""))
        with pytest.raises(OSError, match="still being read back"):
            buffer.last_rows(key, 5)
        mark = buffer.mark()
        later = NOW_NS + 120 * 10**9  # the minute of what is missing has ended, and is summarised
        buffer.append([make_block(10, first=ROWS, names=NAMES, time_ns=later)], [])
        buffer.commit()
        assert sum(map(len, buffer.rows_since(key, mark))) == 10
        assert buffer.summaries_since(0) == []
        bring_back(buffer)
        assert sum(map(len, buffer.rows_since(key, mark))) == 10
        assert sum(map(len, buffer.last_rows(key, ROWS))) == ROWS
        assert buffer.summaries_since(0) != []


def _just_begun(path: Path) -> bool:
    return path.exists()


def _rewritten(path: Path) -> bool:
    return path.stat().st_size > 200_000


@pytest.mark.skipif(sys.platform != "linux", reason="a process ends with its parent")
@pytest.mark.parametrize("far", [_just_begun, _rewritten])
def test_killed_in_the_middle_it_begins_again(crashed: Path, far: Callable[[Path], bool]) -> None:
    """The process ends with the agent, the next start is as the first, and every row is there once."""
    (file,) = (crashed / "segments").glob("*.duckdb")
    command = [sys.executable, "-c", BEGIN, str(crashed)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdout
        assert agent.stdout.readline() == f"{ROWS} {ROWS}\n"
        (folding,) = psutil.Process(agent.pid).children()
        wait_until(lambda: far(file), "it is so far")
        agent.kill()
        with suppress(psutil.NoSuchProcess):
            folding.wait(10)
    with opened(crashed, ALL) as buffer:
        assert buffer.status().rows == ROWS
        bring_back(buffer)
        assert ask(buffer, COUNT) == [[ROWS, ROWS]]
    assert not (crashed / "quarantine").exists()


def test_for_want_of_memory_it_waits_and_says_so(crashed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is set aside, rows are taken, and it is tried again later and later."""
    clock = ManualClock(NOW_NS)
    tried: list[int] = []

    def lacking(*_: object) -> str:
        tried.append(clock.monotonic_ns())
        return "too little"

    with monkeypatch.context() as little:
        little.setattr("agent.buffer.returning.lacking", lacking)
        with opened(crashed, ALL, clock) as buffer:
            for _ in range(40):
                clock.advance(30)
                buffer.commit(everything=False)
            assert len(tried) == 3
            assert ["could not be yet (too little)" in note for note in buffer.status().notes] == [True]
            assert buffer.summaries_since(0) == []
    with opened(crashed, ALL) as buffer:
        bring_back(buffer)
        assert (ask(buffer, COUNT), buffer.repairs) == ([[ROWS, ROWS]], ())
    assert not (crashed / "quarantine").exists()


def test_a_process_that_another_ended_says_nothing_of_the_file(crashed: Path) -> None:
    """It is tried again after a minute."""
    clock = ManualClock(NOW_NS)
    with opened(crashed, ALL, clock) as buffer:
        buffer.commit(everything=False)
        folding = buffer._files.returning._folding
        assert folding
        os.kill(folding._process.pid, signal.SIGKILL)
        wait_until(lambda: not folding.running, "it has ended")
        buffer.commit(everything=False)
        assert ["the process that did it was ended" in note for note in buffer.status().notes] == [True]
        clock.advance(61)
        bring_back(buffer)
        assert ask(buffer, COUNT) == [[ROWS, ROWS]]


def test_a_damaged_file_is_set_aside_when_its_turn_comes(crashed: Path) -> None:
    """What takes rows meanwhile stays."""
    with opened(crashed, ALL) as buffer:
        buffer.append([make_block(10, first=ROWS, names=NAMES)], [])
        buffer.commit(everything=False)
        wait_until(lambda: not buffer._files.returning._folding.running, "it is folded in")  # type: ignore[union-attr]
        (file,) = (crashed / "segments").glob("000001-*.duckdb")
        with file.open("r+b") as data:
            data.truncate(4096)
        buffer.commit()
        assert (ask(buffer, COUNT), buffer.awaited) == ([[10, 10]], {})
        assert [f"{file.name} (4096 bytes)" in repair.sentence for repair in buffer.repairs] == [True]


def test_the_oldest_does_not_go_while_it_is_worked_on(crashed: Path) -> None:
    """The limit waits for it; one that only waits can go."""
    with opened(crashed, BufferConfig(capture="all", limit_mib=1)) as buffer:
        buffer.append([make_block(10, first=ROWS, names=NAMES)], [])
        buffer.commit()  # begins with it, and would let it go
        assert _segments(crashed) == ["000001", "000002"]
        bring_back(buffer)
        buffer.commit()
        assert _segments(crashed) == ["000002"]


def test_the_process_gives_way_to_everything_else(crashed: Path) -> None:
    """It is nice, the first for the OOM killer, and limited in data."""
    (file,) = (crashed / "segments").glob("*.duckdb")
    folding = Folding(file, "segment_1")
    process = psutil.Process(folding._process.pid)
    assert process.nice() == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
    assert Path(f"/proc/{process.pid}/oom_score_adj").read_text() == "1000\n"
    assert process.rlimit(psutil.RLIMIT_DATA)[0] == 256 << 20
    assert folding.result() == (True, "")


def test_a_log_that_is_soon_replayed_is_waited_for(left: Path, tmp_path: Path) -> None:
    """Nothing is awaited then."""
    with opened(shutil.copytree(left, tmp_path / "state"), ALL) as buffer:
        assert (buffer.awaited, ask(buffer, COUNT)) == ({}, [[ROWS, ROWS]])
