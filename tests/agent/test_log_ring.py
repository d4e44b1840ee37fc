from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from agent.clock import ManualClock, utc
from agent.guarded import Guarded
from agent.log_ring import KEPT, LONGEST, LogRing, catch

if TYPE_CHECKING:
    import pytest

NOW_NS = 1_800_000_000_000_000_000


def test_what_is_logged_is_kept_with_number_time_and_part() -> None:
    """From INFO on, by the agent's clock; an exception is told in its line."""
    ring = LogRing(ManualClock(NOW_NS))
    let_go = catch(ring)
    log = logging.getLogger("driftline.test")
    try:
        log.debug("too fine")
        log.info("attached to %s", "pid 7")
        log.error("the page could not be written", exc_info=OSError("no space left"))
    finally:
        let_go()
    log.info("after it was let go of")
    assert [(line.number, line.time, line.level, line.part, line.text) for line in ring.after(0)] == [
        (1, utc(NOW_NS), "INFO", "driftline.test", "attached to pid 7"),
        (2, utc(NOW_NS), "ERROR", "driftline.test", "the page could not be written: OSError: no space left"),
    ]


def test_warnings_still_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """A journal keeps what it kept before, and does not get what is no trouble."""
    let_go = catch(LogRing(ManualClock(NOW_NS)))
    try:
        logging.getLogger("driftline.test").info("all is well")
        logging.getLogger("driftline.test").warning("forwarding fails")
    finally:
        let_go()
    assert capsys.readouterr().err == "forwarding fails\n"


def test_only_the_newest_lines_are_kept_and_none_is_endless() -> None:
    """It does not grow, and whoever asks goes on after the last line seen."""
    ring = LogRing(ManualClock(NOW_NS))
    for number in range(KEPT + 5):
        ring.say("INFO", "part", f"line {number}")
    ring.say("INFO", "part", "x" * 10_000)
    assert [line.number for line in ring.after(0)] == list(range(7, KEPT + 7))
    (last,) = ring.after(KEPT + 5)
    assert len(last.text) == LONGEST


def test_a_line_that_cannot_be_put_together_breaks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """The mistake is told as logging tells it, and the next line is kept."""
    ring = LogRing(ManualClock(NOW_NS))
    for text, values in (("%d rows", ("many",)), ("on", ())):
        ring.handle(logging.LogRecord("driftline.test", logging.INFO, "", 0, text, values, None))
    assert [line.text for line in ring.after(0)] == ["on"]
    assert "Logging error" in capsys.readouterr().err


def test_a_part_that_fails_is_logged_once_until_it_fails_otherwise() -> None:
    """Each tick calls it; the log is not filled with the same."""
    ring = LogRing(ManualClock(NOW_NS))
    guarded = Guarded()

    def fail(why: str) -> None:
        raise ValueError(why)

    let_go = catch(ring)
    try:
        for why in ("one", "one", "two"):
            guarded("collector", fail, why)
        guarded("collector", lambda: None)
        guarded("collector", fail, "two")
    finally:
        let_go()
    assert [line.text for line in ring.after(0)] == [
        f"collector fails: ValueError: {why}" for why in ("one", "two", "two")
    ]
