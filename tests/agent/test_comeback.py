"""When a state directory that could not be used is tried again, and what counts as usable."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from agent import buffer
from agent.clock import ManualClock
from agent.comeback import Comeback

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

MINUTE_S = 60


class Trying:
    """A directory that is tried, with a clock that moves when it is told to."""

    def __init__(self, folder: Path, failures: int = 1) -> None:
        self.state, self.clock = folder / "state", ManualClock(1_800_000_000_000_000_000)
        self.comeback = Comeback(self.state, self.clock, failures)

    def after(self, seconds: float) -> bool:
        """Say whether it can be used after so long; what is tried by then has an end."""
        self.clock.advance(seconds)
        usable = self.comeback.look()
        trying = self.comeback._trying
        if trying is None:
            return usable
        trying.join()
        return self.comeback.look()


def test_it_is_tried_after_a_minute_then_ten_and_then_every_hour(tmp_path: Path) -> None:
    """A file in its place keeps a directory from being used; once that has gone, the next try finds it usable."""
    trying = Trying(tmp_path)
    trying.state.write_text("in the way")
    failures = []
    for wait in (59, 1, 599, 1, 3_599, 1, 3_599, 1):
        assert not trying.after(wait)
        failures.append(trying.comeback.failures)
    assert failures == [1, 2, 2, 3, 3, 4, 4, 5]
    trying.state.unlink()
    assert not trying.after(3_599)
    assert trying.after(1)
    assert [path.name for path in trying.state.iterdir()] == ["lock"]


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


def test_one_that_another_agent_has_is_left_to_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is said, and tried again."""
    trying = Trying(tmp_path)
    other = buffer.open_buffer(trying.state, trying.clock, buffer.BufferConfig())
    assert not trying.after(MINUTE_S)
    assert str(trying.state) in caplog.text
    other.close()
    assert trying.after(10 * MINUTE_S)
    buffer.open_buffer(trying.state, trying.clock, buffer.BufferConfig()).close()


def test_a_disk_that_does_not_answer_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked once, and the agent looks on; it may end meanwhile."""
    answers, asked = threading.Event(), []

    def ask(directory: Path) -> str:
        asked.append(directory)
        answers.wait()
        return ""

    monkeypatch.setattr(buffer, "why_unusable", ask)
    trying = Trying(tmp_path)
    trying.clock.advance(MINUTE_S)
    for _ in range(5):
        assert not trying.comeback.look()
        trying.clock.advance(3_600)
    thread = trying.comeback._trying
    assert thread is not None
    assert thread.daemon
    answers.set()
    thread.join()
    assert trying.comeback.look()
    assert asked == [trying.state]


def test_without_a_thread_it_counts_as_a_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent goes on as it was."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    trying = Trying(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        trying.clock.advance(MINUTE_S)
        assert not trying.comeback.look()
        assert trying.comeback.failures == 2
    assert trying.after(10 * MINUTE_S)
