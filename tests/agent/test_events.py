"""What the history says of findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from agent.clock import ManualClock
from agent.events import Events
from tests.agent.fakes import MemoryStore
from tests.exporters.statuses import make_finding

if TYPE_CHECKING:
    from agent.model import Finding

FOUND = make_finding(severity="warning", state="open")
SAID = FOUND.sentence


def _said(*findings: Finding, known: tuple[Finding, ...] = (), why: str = "") -> list[tuple[str, str]]:
    store = MemoryStore()
    events = Events(store, ManualClock())
    events.know(known)
    events.tell(findings, why)
    return [(kind, detail) for kind, _, detail, _ in store.events]


def test_what_gets_worse_after_it_was_seen_is_not_told_as_seen_again() -> None:
    """Nobody acknowledged anything in that moment; the line says how bad it is now."""
    worse = replace(FOUND, state="acknowledged", severity="critical")
    assert _said(FOUND, worse) == [("open", f"warning: {SAID}"), ("now critical", SAID)]
    assert _said(worse, known=(FOUND,)) == [("now critical", SAID)]  # the opening was told by an agent of before
    assert _said(worse, replace(worse, severity="warning"), known=(FOUND,))[1:] == [("now warning", SAID)]


def test_after_a_restart_what_is_as_it_was_is_not_told_again() -> None:
    """What the agent of before has told is known."""
    assert _said(replace(FOUND, state="acknowledged", row=FOUND.row + 9), known=(FOUND,)) == []


def test_another_likely_cause_is_told_as_that() -> None:
    """How bad it is has not changed."""
    causes = (replace(FOUND.causes[0], name="a worn belt"),)
    assert _said(FOUND, replace(FOUND, causes=causes))[1:] == [("most likely", f"a worn belt: {SAID}")]
    assert _said(FOUND, replace(FOUND, causes=()))[1:] == [("most likely", f"not known: {SAID}")]


def test_a_finding_that_only_ripens_adds_no_line_though_somebody_has_seen_it() -> None:
    """Who said that they saw it has a line of their own."""
    assert _said(FOUND, replace(FOUND, state="acknowledged")) == [("open", f"warning: {SAID}")]


def test_the_end_is_told_once_and_of_what_was_known_as_over() -> None:
    """What was closed as real was closed before it ended."""
    closed = replace(FOUND, state="closed")
    assert _said(FOUND, closed)[1:] == [("closed", f"warning: {SAID}")]
    assert _said(FOUND, replace(closed, verdict="real"))[1:] == [("over", f"warning: {SAID}")]
    assert _said(closed, why="another file") == [("closed", f"warning: {SAID} (another file)")]
