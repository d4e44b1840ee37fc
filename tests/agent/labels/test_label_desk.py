from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from agent.events import Events
from agent.findings import FindingBook
from agent.host_history import HostHistory
from agent.labels.config import LabelsConfig
from agent.labels.desk import Around, LabelDesk, LabelParts
from agent.model import Labels, Score
from agent.ports import Case
from agent.truth import WRONG
from agent.wiring import Config, make_error_factories
from detectors.cause import CauseExplainer
from tests.agent.labels.label_fakes import VALVE, Bench, inferred, right

if TYPE_CHECKING:
    from agent.truth import LabelledRows


class Monitor:
    """Stands for the stream's monitor: remembers what it was told of confidences."""

    key, alarms_per, changes = VALVE.key, 1e4, ()

    def __init__(self) -> None:
        self.told: list[LabelledRows] = []

    def calibrate(self, rows: LabelledRows) -> None:
        """Remember."""
        self.told.append(rows)


class Desk:
    """A desk with the agent's own detector of errors behind it."""

    def __init__(self) -> None:
        bench = Bench()
        config = Config(labels=LabelsConfig(reference_labels=100))
        self.monitor: Any = Monitor()
        self.findings = FindingBook(CauseExplainer(), bench.states)
        around = Around(
            self.findings,
            lambda _stream: self.monitor,
            lambda _key: self.monitor,
            HostHistory(),
            Events(bench.states, bench.clock),
        )
        parts = LabelParts(bench.store, bench.states, make_error_factories(config), config.labels)
        self.desk = LabelDesk(parts, around, bench.clock, 1e4)

    def tell(self, first: int, last: int, *, wrong: bool) -> None:
        """Label inferences, all right or all wrong."""
        self.desk.take(Labels(tuple(right(number, number % 3 + wrong) for number in range(first, last))))


@pytest.fixture
def desk() -> Desk:
    """A desk that knows 400 inferences, the first 60 of which are of the reference."""
    made = Desk()
    block = inferred(range(400), [number % 3 for number in range(400)])
    cut = {name: getattr(block, name) for name in ("time_ns", "latency_s", "status", "values", "ids")}
    for rows, learning in ((slice(0, 60), True), (slice(60, 400), False)):
        made.desk.add(dataclasses.replace(block, **{name: part[rows] for name, part in cut.items()}), learning=learning)
    return made


def test_falling_accuracy_is_one_finding_with_figures(desk: Desk) -> None:
    """From all right to all wrong: one finding, that says from what to what, and since when by the inferences."""
    desk.tell(0, 300, wrong=False)
    assert desk.findings.open_findings() == ()
    desk.tell(300, 400, wrong=True)
    (finding,) = desk.findings.open_findings()
    assert (finding.kind, finding.severity) == ("accuracy_fall", "critical")
    assert finding.sentence == "Accuracy has fallen from 100% to 0% since 00:05 UTC (by 100 labels)."
    assert [cause.kind for cause in finding.causes] == ["model"]
    status = desk.desk.truth(VALVE.key)
    assert status is not None
    assert (status.labels, status.accuracy_total, status.accuracy_reference) == (400, 0.75, 1.0)


def test_late_labels_of_an_old_episode_open_nothing(desk: Desk) -> None:
    """An old bad stretch, told with or after newer labels that are right, is counted and is no news."""
    desk.tell(0, 150, wrong=False)
    desk.tell(250, 400, wrong=False)
    desk.tell(150, 250, wrong=True)
    assert desk.findings.open_findings() == ()
    status = desk.desk.truth(VALVE.key)
    assert status is not None
    assert status.accuracy_total == 0.75


def test_labels_are_judged_in_the_order_of_their_inferences(desk: Desk) -> None:
    """A telling that ends with its oldest rows, all wrong, says that they are over."""
    desk.tell(0, 150, wrong=False)
    told = [right(number, number % 3 + (number < 200)) for number in range(399, 149, -1)]
    desk.desk.take(Labels(tuple(told)))
    assert desk.findings.open_findings() == ()


def test_a_finding_keeps_its_worst_figures_and_closes_when_labels_are_right_again(desk: Desk) -> None:
    """Right answers after a fall thin it, and are not written into its sentence; enough of them end it."""
    desk.tell(0, 120, wrong=False)
    desk.tell(120, 160, wrong=True)
    (finding,) = desk.findings.open_findings()
    for first in range(160, 280, 20):
        desk.tell(first, first + 20, wrong=False)
    assert [still.sentence for still in desk.findings.open_findings()] == [finding.sentence]
    desk.tell(280, 400, wrong=False)
    assert desk.findings.open_findings() == ()


def test_episodes_of_labels_and_of_data_do_not_mix(desk: Desk) -> None:
    """The rows of the finding are labels: nothing that counts inferences may carry it on or close it."""
    desk.tell(0, 300, wrong=False)
    desk.tell(300, 400, wrong=True)
    assert desk.findings.newest_row(VALVE) == 0


def test_detectors_are_told_what_a_confidence_is_worth_once_there_is_enough(desk: Desk) -> None:
    """At 50 labelled rows of the reference, and not again for the same rows."""
    desk.tell(0, 49, wrong=False)
    assert desk.monitor.told == []
    desk.tell(49, 60, wrong=True)
    desk.tell(60, 100, wrong=False)
    (rows,) = desk.monitor.told
    assert (len(rows), int(rows.correct.sum())) == (60, 49)


def test_a_desk_without_parts_is_empty() -> None:
    """An agent that keeps no labels takes them without a word and knows none."""
    desk = LabelDesk(None, Desk().desk._around, Bench().clock, 1e4)
    assert desk.take(Labels((right(1, 1),))).matched == 0
    assert desk.truth(VALVE.key) is None
    assert desk.health() == []


def test_labels_that_came_while_the_reference_was_learned_are_used_when_it_is_there(desk: Desk) -> None:
    """Before there is a reference nobody can use them: all are told once it is learned; without any nothing is."""
    desk.desk.learned(VALVE.key)
    assert desk.monitor.told == []
    desk.tell(0, 60, wrong=False)
    desk.monitor.told.clear()  # what a monitor without a reference does with them
    desk.desk.learned(VALVE.key)
    (rows,) = desk.monitor.told
    assert len(rows) == 60


def test_the_words_say_the_onset_that_the_finding_has(desk: Desk) -> None:
    """A later alarm that dates the fall otherwise does not make the sentence differ from the finding."""
    desk.tell(0, 300, wrong=False)
    desk.tell(300, 400, wrong=True)
    (finding,) = desk.findings.open_findings()
    assert f"since {finding.onset:%H:%M} UTC" in finding.sentence
    score = Score(
        detector="wrong", stream=VALVE, signal=WRONG, time_ns=9 * 60 * 10**9, row=9, value=20.0, threshold=13.0,
        onset_ns=8 * 60 * 10**9,
    )  # fmt: skip
    case = Case(stream=VALVE, scores=(score,), effects=(), host=(), changes=(), onset_ns=457 * 10**9)
    said = CauseExplainer().explain(case)
    assert said.sentence == "More answers are wrong than when the model was learned, since 00:07 UTC."
