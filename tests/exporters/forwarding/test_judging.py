import asyncio
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from agent.outbound import Outcome, Parcel
from exporters.forwarding.judging import deliver, trouble_of, verdict
from exporters.forwarding.post import Answer
from tests.exporters.windows import make_change

PARCELS = [Parcel(id=f"0f3a-{number}", content=make_change(number)) for number in range(24)]


class Receiver:
    """Refuses what holds a parcel that it was told to, and fails from its n-th request on."""

    def __init__(self, poison: set[str], status: int = 400, fails_at: int = 10**6) -> None:
        self.poison = poison
        self.status = status
        self.fails_at = fails_at
        self.requests: list[list[str]] = []
        self.taken: set[str] = set()

    async def post(self, parcels: Sequence[Parcel]) -> Answer:
        ids = [parcel.id for parcel in parcels]
        self.requests.append(ids)
        if len(self.requests) >= self.fails_at:
            return Answer(503, b"try later", 7.0, sent_bytes=10)
        if self.poison & set(ids):
            return Answer(self.status, b"bad sample", sent_bytes=10, fields=frozenset({"a"}))
        self.taken |= set(ids)
        return Answer(204, sent_bytes=10, fields=frozenset({"b"}))


def send(receiver: Receiver, count: int = len(PARCELS)) -> Outcome:
    """Deliver the first parcels to a receiver."""
    return asyncio.run(deliver(PARCELS[:count], receiver.post))


@given(st.sets(st.integers(0, 23), max_size=6), st.sampled_from([400, 413, 422]), st.integers(1, 40))
def test_every_parcel_has_one_verdict_and_only_poison_is_rejected(poison: set[int], status: int, fails_at: int) -> None:
    """Whatever is refused and whenever the receiver fails: each place once, no sound parcel rejected, none lost."""
    receiver = Receiver({PARCELS[at].id for at in poison}, status, fails_at)
    outcome = send(receiver)
    assert sorted([*outcome.accepted, *outcome.rejected, *outcome.retry]) == list(range(len(PARCELS)))
    assert set(outcome.rejected) <= poison
    assert {PARCELS[at].id for at in outcome.accepted} == receiver.taken
    assert outcome.sent_bytes == 10 * len(receiver.requests)
    if not outcome.retry:
        assert set(outcome.rejected) == poison


def test_one_poisoned_parcel_costs_few_requests() -> None:
    """Halving finds one parcel of 24 in no more than two requests a halving."""
    receiver = Receiver({PARCELS[17].id})
    outcome = send(receiver)
    assert outcome.rejected == {17: "400: bad sample"}
    assert outcome.fields == {"a", "b"}
    assert len(receiver.requests) <= 11


def test_nothing_is_posted_after_a_failure() -> None:
    """A receiver that asks to be left alone is left alone, and its wish is handed on."""
    receiver = Receiver({PARCELS[0].id}, fails_at=3)
    outcome = send(receiver)
    assert len(receiver.requests) == 3
    assert outcome.retry_after_s == 7.0
    assert outcome.trouble == "the receiver is not available (503: try later)"
    assert not outcome.lasting


def test_what_no_repetition_mends_is_refused_whatever_the_status() -> None:
    """Prometheus of before answers 500 to a sample that is too old; a failure without such words is tried again."""
    assert verdict(Answer(500, b"too old sample")) == "refused"
    assert verdict(Answer(500, b'out of order sample, series={__name__="a"}')) == "refused"
    assert verdict(Answer(400, b"out of bounds")) == "refused"
    assert verdict(Answer(500, b"disk full")) == "retry"
    assert verdict(Answer(429)) == "retry"
    assert verdict(Answer(401)) == "retry"
    assert verdict(Answer(302)) == "retry"
    assert verdict(Answer(0, trouble="no answer within 30 s")) == "retry"
    assert verdict(Answer(200)) == "accepted"


def test_trouble_that_takes_a_person_is_told_from_a_passing_one() -> None:
    """Refused credentials and a wrong path last; a receiver that is down does not. What it said is one line of text."""
    assert trouble_of(Answer(401, b"<html>\n no\x1b[31m ")) == (
        "the credentials are refused (401: <html> no?[31m)",
        True,
    )
    assert trouble_of(Answer(404)) == ("there is no such path (404)", True)
    assert trouble_of(Answer(502))[1] is False
