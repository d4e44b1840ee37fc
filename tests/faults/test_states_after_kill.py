"""What the detectors know after kill -9: everything that a committed row had told them."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from agent.buffer import BufferConfig, open_buffer
from agent.clock import ManualClock
from agent.saved import MONITOR, REFERENCE, ROWS, decode_saved, encode_saved
from detectors.packing import pack
from tests.faults import judging_process
from tests.faults.counts import KILLS
from tests.faults.judging_process import STREAM, judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.buffer import Buffer, Capture
    from agent.pipeline import Pipeline

ROOT = Path(__file__).parents[2]
LAST = 2_600
EVERY = ""  # detector
STOPS = {
    "while learning": (300,),
    "before the first save": (900,),
    "quiet": (1_900,),
    "after the alarm": (2_300,),
    "four times": (450, 1_000, 2_045, 2_100),
}


def _killed_at(directory: Path, last: int, capture: Capture) -> None:
    """Have a process judge up to row `last`, and be killed there."""
    done = subprocess.run(
        [sys.executable, judging_process.__file__, directory, str(last), capture], cwd=ROOT, check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL


def _known(pipeline: Pipeline, buffer: Buffer) -> tuple[object, ...]:
    """Everything that the detectors have gathered, to the bit, and the findings as a person sees them."""
    (monitor,) = pipeline._monitors.values()
    assert monitor.panel is not None
    findings = [(f.kind, f.row, f.onset_row, f.severity, f.sentence) for f in pipeline.findings()]
    known = (monitor.rows, monitor.notes, monitor.panel.states(), monitor.effects(), findings)
    buffer.close()
    return known


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    """What a pipeline knows that was never interrupted."""
    known = _known(*judge(tmp_path_factory.mktemp("whole"), LAST, "all"))
    assert "shift" in str(known[-1]), known[-1]
    return known


@pytest.mark.faults
@pytest.mark.parametrize("capture", ["flight-recorder", "all"] if KILLS else ["flight-recorder"])
@pytest.mark.parametrize("stops", STOPS.values(), ids=STOPS.keys())
def test_a_killed_agent_knows_what_an_uninterrupted_one_knows(
    tmp_path: Path, uninterrupted: tuple[object, ...], stops: tuple[int, ...], capture: Capture
) -> None:
    """Killed in mid-stream, once or often: states, row numbers, effects and findings are those of one run."""
    _judge_with_kills(tmp_path, uninterrupted, stops, capture)


def test_an_agent_that_keeps_every_row_knows_it_too(tmp_path: Path, uninterrupted: tuple[object, ...]) -> None:
    """With every row in the files, and none to be had from a flight recorder's ring."""
    _judge_with_kills(tmp_path, uninterrupted, STOPS["four times"], "all")


def _judge_with_kills(directory: Path, known: tuple[object, ...], stops: tuple[int, ...], capture: Capture) -> None:
    for stop in stops:
        _killed_at(directory, stop, capture)
    assert _known(*judge(directory, LAST, capture)) == known


def test_the_states_are_not_written_for_a_stream_that_rests(tmp_path: Path) -> None:
    """Saving again without a new row costs the flash nothing; with one it is written."""
    pipeline, buffer = judge(tmp_path, 1_000)
    (monitor,) = pipeline._monitors.values()
    pipeline.close()
    written = monitor.store.get(MONITOR)
    monitor.save(b"\x92\x63\x80")
    assert monitor.store.get(MONITOR) == written
    monitor.process(judging_process.rows(1_000, 1_001), 0)
    monitor.save(buffer.mark())
    assert monitor.store.get(MONITOR) != written
    buffer.close()


def _stored(directory: Path, part: str, change: Callable[[bytes], bytes]) -> None:
    """Change a stored part of a stopped agent."""
    with closing(open_buffer(directory, ManualClock(), BufferConfig())) as buffer:
        buffer.put_state(STREAM.key, part, change(buffer.get_state(STREAM.key, part) or b""))


def _future_detector(stored: bytes) -> bytes:
    saved = decode_saved(stored)
    saved.detectors["shift"] = pack("shift", 99, {})
    return encode_saved(saved)


def _future_format(stored: bytes) -> bytes:
    return encode_saved(msgspec.structs.replace(decode_saved(stored), format=99))


@pytest.mark.parametrize(
    ("part", "change", "anew"),
    [
        (MONITOR, _future_detector, "shift"),
        (MONITOR, _future_format, EVERY),
        (MONITOR, lambda _: msgspec.msgpack.encode([12, 1e6, {}, {}]), EVERY),
        (REFERENCE, lambda _: pack("reference", 99, {}), EVERY),
    ],
    ids=["a later detector", "a later format", "an earlier format", "a later reference"],
)
def test_an_upgrade_that_cannot_read_a_state_starts_anew_and_keeps_the_reference(
    tmp_path: Path, part: str, change: Callable[[bytes], bytes], anew: str
) -> None:
    """The reference is as it was, those detectors begin anew, and a finding says so in words, once."""
    pipeline, buffer = judge(tmp_path, 1_000)
    pipeline.close()
    reference = buffer.get_state(STREAM.key, REFERENCE)
    buffer.close()
    _stored(tmp_path, part, change)
    pipeline, buffer = judge(tmp_path, 1_100)
    assert pipeline.streams()[0].reference_rows == 500
    (finding,) = pipeline.findings()
    assert (finding.kind, finding.severity) == ("state", "info")
    names = anew or ", ".join(sorted(pipeline._factories.detectors))
    assert f"pump is watched from the beginning: {names}." in finding.sentence
    pipeline.close()
    assert buffer.get_state(STREAM.key, REFERENCE) == reference
    buffer.close()
    again, buffer = judge(tmp_path, 1_200)
    assert len(again.findings()) == 1
    buffer.close()


def test_a_reference_of_which_nothing_can_be_read_is_learned_anew_from_now(tmp_path: Path) -> None:
    """Not from rows of long ago: the stream says that it is learning, and why."""
    pipeline, buffer = judge(tmp_path, 1_000)
    pipeline.close()
    buffer.close()
    _stored(tmp_path, REFERENCE, lambda _: b"rubbish")
    _stored(tmp_path, ROWS, lambda _: b"rubbish")
    pipeline, buffer = judge(tmp_path, 1_100)
    (status,) = pipeline.streams()
    assert (status.state, status.reference_rows) == ("learning", 100)
    assert "could not be read" in status.reference_notes[0]
    buffer.close()
