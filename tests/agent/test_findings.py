from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import msgspec
import pytest

from agent.episodes import QUIET_NS, QUIET_ROWS, Moment
from agent.findings import FindingBook
from agent.host_history import HostLook
from agent.model import Cause, Effect, Reading, Score, Signal
from agent.ports import Case, Explanation
from agent.truth import WRONG
from tests.agent.fakes import SECOND_NS, SIGNALS, STREAM, MemoryStore, PlainExplainer

if TYPE_CHECKING:
    from agent.model import Finding

LATENCY = SIGNALS[2]
SHARPNESS = Signal("sharpness", "input")


def _effects(rows: int) -> tuple[Effect, ...]:
    return (
        Effect(
            signal=SIGNALS[0], psi=0.5, ks=0.4, wasserstein=1.5, reference_mean=0.2, recent_mean=0.6, rows=rows
        ),
    )  # fmt: skip


def _no_effects(rows: int) -> tuple[Effect, ...]:
    return tuple(msgspec.structs.replace(effect, ks=0.01) for effect in _effects(rows))


def _moment(row: int, *, over: bool = False) -> Moment:
    return Moment(STREAM, row, row * SECOND_NS, _no_effects if over else _effects, ())


def _score(row: int, signal: Signal = SIGNALS[0], value: float = 20.0) -> Score:
    return Score(
        detector="shift", stream=STREAM, signal=signal, time_ns=row * SECOND_NS, row=row, value=value, threshold=15.0,
        onset_row=row - 40, onset_ns=(row - 40) * SECOND_NS,
    )  # fmt: skip


def _book() -> tuple[FindingBook, MemoryStore]:
    store = MemoryStore()
    return FindingBook(PlainExplainer(), store), store


def _only(found: list[Finding]) -> Finding:
    assert len(found) == 1
    return found[0]


def test_an_alarm_opens_a_finding_with_onset_evidence_and_words() -> None:
    """The finding says since when, by what evidence, why, and what to do, and is stored at once."""
    book, store = _book()
    finding = _only(book.update(_moment(150), [_score(140)]))
    assert (finding.row, finding.onset_row, finding.state, finding.sentence) == (140, 100, "open", "brightness changed")
    assert finding.onset.timestamp() == 100
    assert (finding.signals[0].value, finding.signals[0].threshold, finding.signals[0].ks) == (20.0, 15.0, 0.4)
    assert (finding.causes[0].name, finding.advice) == ("camera", "clean the lens")
    assert store.history == [finding]


def test_signals_of_one_episode_share_a_finding() -> None:
    """A shift that many signals show is one finding, not one a signal."""
    book, _ = _book()
    first = _only(book.update(_moment(150), [_score(140)]))
    second = _only(book.update(_moment(200), [_score(190, SHARPNESS)]))
    assert second.id == first.id
    assert {signal.name for signal in second.signals} == {"brightness", "sharpness"}


def test_latency_is_an_episode_of_its_own() -> None:
    """A slow device and a fouled lens are two findings, even at the same time."""
    book, _ = _book()
    found = book.update(_moment(150), [_score(140), _score(141, LATENCY)])
    assert sorted(f.sentence for f in found) == ["brightness changed", "latency changed"]


def test_a_latency_alarm_does_not_keep_a_data_episode_open() -> None:
    """Each episode's quiet time is its own."""
    book, _ = _book()
    book.update(_moment(150), [_score(140)])
    later = 150 + QUIET_ROWS
    changed = book.update(_moment(later, over=True), [_score(later - 1, LATENCY)])
    assert [f.state for f in changed if f.signals[0].name == "brightness"][-1] == "closed"


def test_a_finding_closes_when_nothing_has_alarmed_for_a_while() -> None:
    """An episode ends after enough quiet rows and enough quiet time, not before."""
    book, store = _book()
    finding = _only(book.update(_moment(150), [_score(140)]))
    book.update(_moment(140 + QUIET_ROWS - 1), [])
    assert [f.id for f in book.open_findings()] == [finding.id]
    book.update(_moment(140 + QUIET_ROWS + QUIET_NS // SECOND_NS, over=True), [])
    assert book.open_findings() == ()
    assert store.history[-1].state == "closed"
    assert store.history[-1].closed is not None


def test_a_finding_stays_open_while_its_effect_lasts() -> None:
    """A shift that is too small to alarm again soon is not over while the rows are still as far from the reference."""
    book, _ = _book()
    finding = _only(book.update(_moment(150), [_score(140)]))
    book.update(_moment(140 + 3 * QUIET_ROWS), [])
    assert [f.id for f in book.open_findings()] == [finding.id]


def test_a_clear_shift_that_was_slow_to_see_closes_soon_after_it_is_over() -> None:
    """Rows that are plainly back at their reference need no longer wait, however long the alarm took to come."""
    book, _ = _book()
    slow = msgspec.structs.replace(_score(1_000), onset_row=0)
    book.update(_moment(1_000), [slow])
    book.update(_moment(1_000 + QUIET_ROWS, over=True), [])
    assert book.open_findings() == ()


def test_a_small_shift_that_was_slow_to_see_is_given_longer() -> None:
    """Where chance would hide half of it, quiet is measured against how long the first alarm took."""
    book, _ = _book()
    slow = msgspec.structs.replace(_score(1_000), onset_row=0)

    def wide(rows: int) -> tuple[Effect, ...]:
        return tuple(msgspec.structs.replace(effect, ks=0.25, ks_noise=0.3) for effect in _effects(rows))

    finding = _only(book.update(Moment(STREAM, 1_000, 1_000 * SECOND_NS, wide, ()), [slow]))
    for row, still in ((1_000 + 4 * QUIET_ROWS, [finding.id]), (1_000 + 5 * QUIET_ROWS, [])):
        book.update(Moment(STREAM, row, row * SECOND_NS, wide, ()), [])
        assert [f.id for f in book.open_findings()] == still


def test_where_inferences_are_rare_a_finding_closes_after_fewer() -> None:
    """At one inference a minute, an hour and a hundred rows that are back are enough; while they are not, it stays."""
    book, _ = _book()

    def slowly(row: int, *, over: bool) -> Moment:
        return Moment(STREAM, row, row * 60 * SECOND_NS, _no_effects if over else _effects, ())

    first = msgspec.structs.replace(_score(140), time_ns=140 * 60 * SECOND_NS)
    book.update(slowly(150, over=False), [first])
    book.update(slowly(245, over=False), [])
    assert len(book.open_findings()) == 1
    book.update(slowly(300, over=True), [])
    assert len(book.open_findings()) == 1
    book.update(slowly(345, over=True), [])
    assert book.open_findings() == ()


def test_an_explanation_knows_the_onset_the_host_before_it_and_what_was_said() -> None:
    """The explainer is told when it began, what was usual before and since, and later the severity that it gave."""
    explainer = PlainExplainer()
    book = FindingBook(explainer, MemoryStore())
    asked: list[int] = []

    def before(moment_ns: int) -> tuple[Reading, ...]:
        asked.append(moment_ns)
        return (Reading("hw.temperature", "Cel", 50.0, moment_ns),)

    def since(moment_ns: int) -> tuple[Reading, ...]:
        asked.append(moment_ns)
        return (Reading("hw.temperature", "Cel", 70.0, moment_ns),)

    hot = Reading("hw.temperature", "Cel", 90.0, 150 * SECOND_NS)
    for row, scores in ((150, [_score(140)]), (260, [])):
        moment = Moment(STREAM, row, row * SECOND_NS, _effects, (), HostLook((hot,), before, since))
        book.update(moment, scores)
    first, second = explainer.cases
    assert (first.onset_ns, first.opened_ns, first.held) == (100 * SECOND_NS, 140 * SECOND_NS, None)
    assert (second.held, asked) == ("warning", [100 * SECOND_NS] * 4)
    assert [told[0].value for told in (first.host_before, first.host_since, first.host)] == [50.0, 70.0, 90.0]


def test_a_new_signal_long_after_opens_another_finding() -> None:
    """A fault that comes much later is news, though an older episode persists."""
    book, _ = _book()
    book.update(_moment(150), [_score(140)])
    for row in range(1_000, 5_000, 500):
        book.update(_moment(row), [_score(row)])
    book.update(_moment(8_000), [_score(7_999, SHARPNESS)])
    assert len({f.id for f in book.open_findings()}) >= 1
    assert any(f.sentence == "sharpness changed" for f in book.open_findings())


def test_acknowledging_keeps_the_note_and_the_finding() -> None:
    """An acknowledged finding stays until it is over, and its note is stored."""
    book, store = _book()
    finding = _only(book.update(_moment(150), [_score(140)]))
    book.acknowledge(finding.id, "cleaned the lens", 160 * SECOND_NS)
    assert (store.history[-1].state, store.history[-1].note) == ("acknowledged", "cleaned the lens")
    assert [f.id for f in book.open_findings()] == [finding.id]


def test_acknowledging_what_is_not_open_is_an_error() -> None:
    """An unknown id is refused."""
    with pytest.raises(KeyError):
        _book()[0].acknowledge("nonsense", "", 0)


def test_open_findings_survive_a_restart() -> None:
    """A new book goes on with the stored finding, and an alarm of the same episode joins it."""
    book, store = _book()
    finding = _only(book.update(_moment(150), [_score(140)]))
    again = FindingBook(PlainExplainer(), store)
    again.resume(STREAM, 160, 160 * SECOND_NS)
    joined = again.update(_moment(170), [_score(165)])
    assert {f.id for f in joined or again.open_findings()} == {finding.id}


def test_a_new_reference_closes_what_compared_with_the_old_one_and_what_labels_said() -> None:
    """Both with the reason: how often the model errs in health is learned anew, too."""
    book, store = _book()
    book.update(_moment(150), [_score(140)])
    book.update(dataclasses.replace(_moment(150), labels=True), [_score(140, WRONG)])
    closed = book.settle(STREAM, "the reference was accepted by ada", 200 * SECOND_NS)
    assert [finding.note for finding in closed] == ["the reference was accepted by ada"] * 2
    assert (book.open_findings(), store.findings()) == ((), [])


def test_a_feature_called_wrong_is_a_feature() -> None:
    """Its alarms are about the data, whatever its name is, and join those of other features; after a restart too."""
    book, store = _book()
    feature = Signal("wrong", "input")
    finding = _only(book.update(_moment(150), [_score(140), _score(141, feature)]))
    assert {signal.name for signal in finding.signals} == {"brightness", "wrong"}
    again = FindingBook(PlainExplainer(), store)
    assert [kept.id for kept in again.compared(STREAM)] == [finding.id]


def test_a_notice_is_raised_once_and_done_when_acknowledged() -> None:
    """The agent's own findings do not repeat, and nothing but a person closes them."""
    book, store = _book()
    cause = Cause("device", "buffer", 1.0, "cut")
    first = book.raise_notice(STREAM, "buffer", "warning", "a file was repaired", "read it", cause, time_ns=0)
    second = book.raise_notice(STREAM, "buffer", "warning", "a file was repaired", "read it", cause, time_ns=9)
    assert second.id == first.id
    book.acknowledge(first.id, "", 10)
    assert store.findings() == []


def test_the_explanation_ripens_without_new_alarms() -> None:
    """A finding is explained again when more rows of it were seen."""
    explainer = PlainExplainer()
    book = FindingBook(explainer, MemoryStore())
    book.update(_moment(150), [_score(140)])
    book.update(_moment(260), [])
    assert [case.effects[0].rows for case in explainer.cases] == [51, 161]


class _SayingHowFar:
    """Says how far the first effect is, and calls what is far critical."""

    def explain(self, case: Case) -> Explanation:
        """Put the numbers of a case into its sentence."""
        first = case.effects[0]
        return Explanation(
            kind="input_shift", severity="critical" if first.ks > 0.3 else "info",
            causes=(Cause("sensor", "camera", 0.9, ""),), sentence=f"{len(case.scores)} at {first.recent_mean}",
            advice="",
        )  # fmt: skip


def _faded(rows: int) -> tuple[Effect, ...]:
    return tuple(msgspec.structs.replace(e, ks=0.02, wasserstein=0.03, recent_mean=0.19) for e in _effects(rows))


@pytest.mark.parametrize("restarted", [False, True])
def test_an_open_finding_keeps_the_worst_that_was_seen(restarted: bool) -> None:  # noqa: FBT001  # a parameter
    """What fades before the explanation ripens, or after a restart, takes back neither words nor severity nor sizes."""
    store = MemoryStore()
    book = FindingBook(_SayingHowFar(), store)
    first = _only(book.update(_moment(150), [_score(140)]))
    scores = []
    if restarted:
        book, scores = FindingBook(_SayingHowFar(), store), [_score(255)]
        book.resume(STREAM, 160, 160 * SECOND_NS)
    book.update(Moment(STREAM, 260, 260 * SECOND_NS, _faded, ()), scores)
    kept = _only(list(book.open_findings()))
    assert (kept.sentence, kept.severity, kept.signals[0].ks) == ("1 at 0.6", "critical", 0.4)
    assert kept.causes == first.causes


def test_a_finding_that_grows_worse_is_told_anew() -> None:
    """A later look that shows more replaces the words and the sizes."""
    book = FindingBook(_SayingHowFar(), MemoryStore())
    book.update(Moment(STREAM, 150, 150 * SECOND_NS, _faded, ()), [_score(140)])
    book.update(_moment(260), [])
    grown = _only(list(book.open_findings()))
    assert (grown.sentence, grown.severity, grown.signals[0].ks) == ("1 at 0.6", "critical", 0.4)
