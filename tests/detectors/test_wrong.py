from __future__ import annotations

import numpy as np
import pytest

from agent.model import Block, Signal, Stream
from detectors import ERROR_FACTORIES, fit_reference
from detectors.risen import bet, bets_on, highest_share
from detectors.wrong import RISES, WrongDetector

WRONG = Signal("wrong", "output", "flag", "1")
STREAM = Stream(model="valve")
SECOND_NS = 1_000_000_000
HOUR_S = 3_600.0


def errors(seed: int, count: int, share: float) -> np.ndarray:
    """Answers that are wrong independently."""
    return (np.random.default_rng(seed).random(count) < share).astype(np.float32)


def block(wrong: np.ndarray, start: int = 0) -> Block:
    """Labels told a second apart, an hour after their inferences."""
    rows = np.arange(start, start + len(wrong), dtype=np.int64)
    return Block(
        stream=STREAM,
        signals=(WRONG,),
        time_ns=(rows + 10_000) * SECOND_NS,
        latency_s=np.full(len(wrong), HOUR_S),
        status=np.zeros(len(wrong), np.uint8),
        values=wrong[:, None],
    )


def detector(alarms_per: float = 1e5, share: float = 0.04, labels: int = 200) -> WrongDetector:
    """One that learned from labels with exactly this share of errors."""
    first = np.zeros((labels, 1), np.float32)
    first[: round(share * labels)] = 1
    return WrongDetector(fit_reference(first, [WRONG]), alarms_per)


def run(judge: WrongDetector, wrong: np.ndarray, size: int = 20) -> list[int]:
    """Return the rows of the alarms."""
    rows = []
    for at in range(0, len(wrong), size):
        given = block(wrong[at : at + size], at)
        rows += [score.row for score in judge.score(given)]
        judge.learn(given)
    return rows


@pytest.mark.parametrize(("share", "within"), [(0.2, 150), (0.5, 40), (1.0, 15)])
def test_a_fall_is_found(share: float, within: int) -> None:
    """From 4 % wrong to 20, 50 and 100 %: found within tens of labels, the faster the larger."""
    judge = detector()
    rows = run(judge, np.concatenate((errors(1, 1000, 0.04), errors(2, 1000, share))))
    assert rows
    assert 1000 <= rows[0] <= 1000 + within


def test_the_onset_is_dated_by_inferences() -> None:
    """The onset is near the first wrong label, and its time is that of the inference, not of the label."""
    judge = detector()
    run(judge, errors(1, 1000, 0.04))
    given = block(np.ones(40, np.float32), 1000)
    (score,) = judge.score(given)
    assert abs(score.onset_row - 1000) <= 5
    told = int(given.time_ns[score.onset_row - 1000]) if score.onset_row >= 1000 else int(given.time_ns[0])
    assert score.onset_ns == pytest.approx(told - HOUR_S * 1e9, abs=10 * SECOND_NS)


def test_false_alarms_keep_the_budget() -> None:
    """Of 40 streams of 5,000 labels at the learned share, one alarm allowed in 50,000, at most 9 alarm (4 expected)."""
    alarmed = sum(bool(run(detector(5e4), errors(seed, 5_000, 0.04), 500)) for seed in range(40))
    assert alarmed <= 9


def test_an_improvement_is_no_alarm() -> None:
    """Fewer errors than learned are good news."""
    assert run(detector(1e3, share=0.3), np.zeros(5_000, np.float32)) == []


def test_hopeless_models_are_not_judged() -> None:
    """What is nearly always wrong cannot become worse: silence, and no division by zero."""
    judge = detector(1e3, share=1.0)
    assert run(judge, np.ones(2_000, np.float32)) == []
    assert judge.evidence() == {"wrong": 0.0}


@pytest.mark.parametrize("size", [1, 7, 400])
def test_blocks_may_be_of_any_size(size: int) -> None:
    """The same labels cut otherwise alarm at the same row."""
    wrong = np.concatenate((errors(1, 500, 0.04), errors(2, 300, 0.4)))
    assert run(detector(), wrong, size)[0] == run(detector(), wrong, 20)[0]


def test_a_restart_changes_nothing() -> None:
    """A stored state goes on to the same alarm; one of another reference is refused."""
    wrong = np.concatenate((errors(1, 490, 0.04), errors(2, 300, 0.2)))
    whole = run(detector(), wrong, 10)
    judge = detector()
    before = run(judge, wrong[:520], 10)
    again = detector()
    again.restore(judge.state())
    after = [score.row for at in range(520, 790, 10) for score in _both(again, block(wrong[at : at + 10], at))]
    assert whole == before + after
    with pytest.raises(ValueError, match="another reference"):
        detector(share=0.2).restore(judge.state())


def test_scoring_changes_nothing() -> None:
    """A second score of the same block says the same."""
    judge = detector()
    given = block(np.ones(60, np.float32))
    before = judge.state()
    assert judge.score(given) == judge.score(given)
    assert before == judge.state()


def test_the_bets_are_fair_at_the_limit() -> None:
    """At the limit a bet has expectation 1, below it less; each is positive whatever comes."""
    limit = 0.07
    bets = bets_on(limit, RISES)
    after = [bet(np.ones(len(RISES)) - 1, share, 1, limit, bets) for share in (0.0, 1.0)]
    assert ((1 - limit) * after[0] + limit * after[1]).tolist() == pytest.approx([1.0] * len(RISES))
    assert (after[0] > 0).all()


@pytest.mark.parametrize(("hits", "rows", "bound"), [(0, 100, 0.02951), (8, 200, 0.07101), (200, 200, 1.0)])
def test_the_bound_is_the_exact_one(hits: int, rows: int, bound: float) -> None:
    """Clopper and Pearson's upper 95 % bound, from the beta distribution's tables."""
    assert highest_share(hits, rows, 0.05) == pytest.approx(bound, abs=1e-4)


def test_it_is_registered() -> None:
    """The table of what judges error streams has it, by the name that its scores carry."""
    assert {WrongDetector.name: WrongDetector} == ERROR_FACTORIES


def _both(judge: WrongDetector, given: Block) -> list:  # type: ignore[type-arg]
    found = judge.score(given)
    judge.learn(given)
    return found
