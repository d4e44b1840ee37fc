"""What a person decides about a finding, and what the agent makes of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agent.clock import utc
from agent.episodes import QUIET_ROWS
from agent.findings import FindingBook
from agent.model import Cause
from agent.ports import Explanation
from agent.verdicts import counts
from tests.agent.fakes import SECOND_NS, STREAM, MemoryStore, PlainExplainer
from tests.agent.test_findings import SHARPNESS, _book, _moment, _only, _score

NOW_NS = 1_000 * SECOND_NS


def test_a_judged_finding_is_closed_with_its_verdict_and_stored() -> None:
    """Real or false alarm is a state of the finding like any other, with the note."""
    book, store = _book()
    finding = _only(book.update(_moment(150), [_score(140)]))
    judged = book.judge(finding.id, "false alarm", "the lens was cleaned", NOW_NS)
    assert (judged.state, judged.verdict, judged.note) == ("closed", "false alarm", "the lens was cleaned")
    assert judged.closed == judged.updated == utc(NOW_NS)
    assert store.history[-1] == judged
    assert book.open_findings() == ()


def test_what_was_judged_does_not_open_again_while_it_lasts() -> None:
    """A shift that persists alarms again and again; who has closed it is not told again. What is new is told."""
    book, store = _book()
    finding = _only(book.update(_moment(150), [_score(140)]))
    book.judge(finding.id, "real", "", NOW_NS)
    stored = len(store.history)
    assert book.update(_moment(400), [_score(390, value=80.0)]) == []
    assert len(store.history) == stored
    news = _only(book.update(_moment(3_000), [_score(2_990, SHARPNESS)]))
    assert (news.id != finding.id, news.state) == (True, "open")


def test_what_was_judged_opens_anew_once_it_was_over() -> None:
    """After a quiet time the same signal is news; that what is known is over is told once."""
    book, _ = _book()
    finding = _only(book.update(_moment(150), [_score(140)]))
    judged = book.judge(finding.id, "real", "", NOW_NS)
    assert book.update(_moment(160 + QUIET_ROWS, over=True), []) == [judged]
    again = _only(book.update(_moment(2_000), [_score(1_990)]))
    assert again.id != finding.id


def test_a_closed_finding_can_be_judged_and_keeps_when_it_closed() -> None:
    """What ended by itself can be judged later; what was judged last holds."""
    book, store = _book()
    finding = _only(book.update(_moment(150), [_score(140)]))
    closed = _only(book.update(_moment(160 + QUIET_ROWS, over=True), []))
    assert closed.verdict is None
    for verdict in ("false alarm", "real"):
        judged = book.judge(finding.id, verdict, "", 2 * NOW_NS)
        assert (judged.state, judged.verdict, judged.closed) == ("closed", verdict, closed.closed)
    assert _only(store.findings(everything=True)).verdict == "real"


def test_what_is_judged_is_not_open_any_more() -> None:
    """It can be neither acknowledged nor snoozed, and one that never was cannot be judged."""
    book, _ = _book()
    finding = _only(book.update(_moment(150), [_score(140)]))
    book.judge(finding.id, "real", "", NOW_NS)
    with pytest.raises(KeyError):
        book.acknowledge(finding.id, "", NOW_NS)
    with pytest.raises(KeyError):
        book.snooze(finding.id, 60.0, "", NOW_NS)
    with pytest.raises(KeyError):
        book.judge("f-none", "real", "", NOW_NS)


def test_a_snoozed_finding_stays_open_and_does_not_count_until_its_time() -> None:
    """It is listed, and stored; the state of the device leaves it out for so long, and 0 wakes it."""
    book, store = _book()
    finding = _only(book.update(_moment(150), [_score(140)]))
    snoozed = book.snooze(finding.id, 3_600.0, "lens ordered", NOW_NS)
    assert (snoozed.state, snoozed.note) == ("open", "lens ordered")
    assert book.open_findings() == (snoozed,) == (store.history[-1],)
    now = utc(NOW_NS)
    assert [counts(snoozed, now + timedelta(seconds=after)) for after in (0, 3_599, 3_600)] == [False, False, True]
    woken = book.snooze(finding.id, 0.0, "", NOW_NS)
    assert (counts(woken, now), woken.note) == (True, "lens ordered")


class _Worsening(PlainExplainer):
    """Says that it is critical from the second look on."""

    def explain(self, case: object) -> Explanation:
        """Explain, and be graver."""
        said = super().explain(case)  # type: ignore[arg-type]
        return Explanation(
            kind=said.kind, severity="critical" if len(self.cases) > 1 else "info", causes=said.causes,
            sentence=said.sentence, advice=said.advice,
        )  # fmt: skip


def test_what_gets_worse_wakes_up() -> None:
    """Nobody put a critical finding to rest by snoozing a small one."""
    store = MemoryStore()
    book = FindingBook(_Worsening(), store)
    finding = _only(book.update(_moment(150), [_score(140)]))
    book.snooze(finding.id, 3_600.0, "", NOW_NS)
    worse = _only(book.update(_moment(200), [_score(190, SHARPNESS)]))
    assert (worse.severity, worse.snoozed_until) == ("critical", None)


def test_a_judged_notice_that_is_held_comes_back_only_when_it_is_worse() -> None:
    """The disk is still full, as the person knows who closed it; that it took nothing at all is news."""
    book, store = _book()
    hold = ("disk", "the disk is full", "free room", Cause("device", "full", 1.0, "No space left"))

    def holds(severity: str) -> list[str]:
        kind, sentence, advice, cause = hold
        found = book.hold_notice(STREAM, kind, severity, sentence, advice, cause, time_ns=NOW_NS)  # type: ignore[arg-type]
        return [finding.id for finding in found]

    (first,) = holds("warning")
    book.judge(first, "real", "", NOW_NS)
    assert holds("warning") == []
    (second,) = holds("critical")
    assert second != first
    assert [finding.id for finding in book.end_notice("disk", "full", "room again", time_ns=NOW_NS)] == [second]
    assert {finding.state for finding in store.findings(everything=True)} == {"closed"}
