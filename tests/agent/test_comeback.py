"""When a state directory that could not be used is tried again, and what counts as usable."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from agent import buffer, comeback
from agent.clock import ManualClock, SystemClock
from agent.comeback import Comeback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINUTE_S = 60


class Trying:
    """A directory that is tried, with a clock that moves when it is told to."""

    def __init__(self, folder: Path, failures: int = 1) -> None:
        self.state, self.clock = folder / "state", ManualClock(1_800_000_000_000_000_000)
        self.comeback = Comeback(buffer.BufferConfig(), self.state, self.clock, failures)

    def after(self, seconds: float) -> bool:
        """Say whether it can be used after so long; what is tried by then has an end."""
        self.clock.advance(seconds)
        usable = self.comeback.look()
        trying = self.comeback._trying
        if trying is None:
            return usable
        trying.wait()
        return self.comeback.look()


@pytest.fixture
def trying(tmp_path: Path) -> Iterator[Trying]:
    """A directory that could not be used once."""
    tried = Trying(tmp_path)
    yield tried
    tried.comeback.close()


def test_it_is_tried_after_a_minute_then_ten_and_then_every_hour(trying: Trying) -> None:
    """A file in its place keeps a directory from being used; once that has gone, the next try finds it usable."""
    trying.state.write_text("in the way")
    failures = []
    for wait in (59, 1, 599, 1, 3_599, 1, 3_599, 1):
        assert not trying.after(wait)
        failures.append(trying.comeback.failures)
    assert failures == [1, 2, 2, 3, 3, 4, 4, 5]
    trying.state.unlink()
    assert not trying.after(3_599)
    assert trying.after(1)
    reader = buffer.open_readonly(trying.state)  # what tried it has let go of it
    reader.close()


def test_one_that_can_be_used_is_not_tried(tmp_path: Path) -> None:
    """However late it is."""
    trying = Trying(tmp_path, failures=0)
    assert not trying.after(86_400)
    assert not trying.state.exists()


def test_one_that_was_tried_before_is_left_alone_for_longer(tmp_path: Path) -> None:
    """The agent began anew for it, and again could not use it."""
    trying = Trying(tmp_path, failures=2)
    assert not trying.after(599)
    assert trying.after(1)


def test_one_that_takes_files_but_no_store_is_not_usable(trying: Trying, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing less than opening it tells: an agent that began anew would have forgotten all, and gained nothing."""
    trying.state.mkdir()
    (trying.state / "segments").write_text("in the way")
    assert not trying.after(MINUTE_S)
    assert "cannot be used yet" in caplog.text
    assert trying.comeback.failures == 2


def test_one_that_another_agent_has_is_left_to_it(trying: Trying, caplog: pytest.LogCaptureFixture) -> None:
    """It is said, and tried again."""
    other = buffer.open_buffer(trying.state, SystemClock(), buffer.BufferConfig())
    assert not trying.after(MINUTE_S)
    assert str(trying.state) in caplog.text
    other.close()
    assert trying.after(10 * MINUTE_S)


def test_what_is_repaired_by_that_is_told(trying: Trying) -> None:
    """To the agent that begins: for the files are sound then."""
    buffer.open_buffer(trying.state, SystemClock(), buffer.BufferConfig()).close()
    (trying.state / "core.duckdb").write_bytes(b"no database" * 2_000)
    assert trying.after(MINUTE_S)
    assert ["core.duckdb" in repair.sentence for repair in trying.comeback.repairs] == [True]


def test_a_disk_that_does_not_answer_holds_nobody_up(trying: Trying, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked once, and the agent looks on; when it ends, so does what asked."""
    monkeypatch.setattr(comeback, "own_command", lambda *_: [sys.executable, "-c", "import time; time.sleep(600)"])
    trying.clock.advance(MINUTE_S)
    assert not trying.comeback.look()
    asking = trying.comeback._trying
    for _ in range(5):
        trying.clock.advance(3_600)
        assert not trying.comeback.look()
        assert trying.comeback._trying is asking
    trying.comeback.close()
    assert asking is not None
    assert asking.returncode == -9


@pytest.mark.parametrize("why", ["no process", "no room", "ended with 3"])
def test_what_cannot_be_tried_is_tried_later(
    trying: Trying, why: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No process can be started, there is no memory for it, or it ends without a word."""

    def start(*_: object, **__: object) -> subprocess.Popen[bytes]:
        raise OSError(11, why)

    with monkeypatch.context() as patched:
        if why == "no process":
            patched.setattr(subprocess, "Popen", start)
        elif why == "no room":
            patched.setattr(comeback, "lacking", lambda *_: why)
        else:
            patched.setattr(comeback, "own_command", lambda *_: [sys.executable, "-c", "raise SystemExit(3)"])
        assert not trying.after(MINUTE_S)
    assert trying.comeback.failures == 2
    assert why in caplog.text
    assert trying.after(10 * MINUTE_S)
