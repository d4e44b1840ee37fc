import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.outbound import Outcome, Parcel
from exporters.forwarding.judging import EVERYTHING, Doubt, deliver, trouble_of, verdict
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


def send(receiver: Receiver, count: int = len(PARCELS), doubt: Doubt | None = None) -> Outcome:
    """Deliver the first parcels to a receiver."""
    return asyncio.run(deliver(PARCELS[:count], receiver.post, doubt or Doubt()))


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
    if not receiver.taken:
        assert outcome.rejected == {}


def test_one_poisoned_parcel_costs_few_requests() -> None:
    """Halving finds one parcel of 24 in no more than two requests a halving."""
    receiver = Receiver({PARCELS[17].id})
    outcome = send(receiver)
    assert outcome.rejected == {17: "400: bad sample"}
    assert outcome.fields == {"a", "b"}
    assert len(receiver.requests) <= 11


def test_an_endpoint_that_refuses_everything_judges_nothing() -> None:
    """However often it refuses: no parcel is rejected, all wait, and a person is told why."""
    receiver, doubt = Receiver({parcel.id for parcel in PARCELS}), Doubt()
    for count in (24, 1, 5, 24, 24):
        outcome = send(receiver, count, doubt)
        assert (outcome.accepted, outcome.rejected, outcome.retry) == ((), {}, tuple(range(count)))
        assert (outcome.trouble, outcome.lasting) == (f"{EVERYTHING} (400: bad sample)", True)
        assert outcome.doubted == dict.fromkeys(range(count), "400: bad sample")


def test_what_is_refused_while_others_are_taken_is_rejected_the_second_time() -> None:
    """A batch of nothing but poison waits until the endpoint has taken anything since, and not for ever."""
    poison, doubt = {parcel.id for parcel in PARCELS[:3]}, Doubt()
    receiver = Receiver(poison)
    assert send(receiver, 3, doubt).retry == (0, 1, 2)
    assert send(receiver, 3, doubt).retry == (0, 1, 2)
    assert asyncio.run(deliver(PARCELS[5:7], receiver.post, doubt)).accepted == (0, 1)
    outcome = send(receiver, 3, doubt)
    assert (sorted(outcome.rejected), outcome.retry, outcome.trouble) == ([0, 1, 2], (), "")


def test_a_parcel_that_was_never_refused_before_is_not_guilty_by_its_company() -> None:
    """Where the endpoint took something and then fails for all, what it had not refused before waits."""
    receiver, doubt = Receiver({PARCELS[0].id}), Doubt()
    assert send(receiver, 1, doubt).retry == (0,)
    assert asyncio.run(deliver(PARCELS[5:7], receiver.post, doubt)).accepted == (0, 1)
    receiver.poison = {parcel.id for parcel in PARCELS}
    outcome = send(receiver, 4, doubt)
    assert (sorted(outcome.rejected), outcome.retry) == ([0], (1, 2, 3))


def test_what_is_too_old_is_rejected_though_nothing_is_taken() -> None:
    """Words that speak of the sample itself are a verdict, whatever else is refused."""

    async def post(_: Sequence[Parcel]) -> Answer:
        return Answer(400, b"out of bounds", sent_bytes=10)

    outcome = asyncio.run(deliver(PARCELS[:3], post, Doubt()))
    assert (sorted(outcome.rejected), outcome.retry) == ([0, 1, 2], ())


def test_what_was_taken_in_part_is_rejected_for_the_rest() -> None:
    """A receiver that leaves points out of every parcel has taken the others: that is a verdict, too."""

    async def post(_: Sequence[Parcel]) -> Answer:
        return Answer(422, b"1 points left out: no", sent_bytes=10, took_some=True)

    outcome = asyncio.run(deliver(PARCELS[:3], post, Doubt()))
    assert (sorted(outcome.rejected), outcome.retry, outcome.trouble) == ([0, 1, 2], (), "")


def test_nothing_that_was_not_posted_speaks_for_the_endpoint() -> None:
    """A parcel of which nothing may leave counts as done, and proves nothing."""

    async def post(parcels: Sequence[Parcel]) -> Answer:
        left = [parcel for parcel in parcels if parcel.id != PARCELS[0].id]
        return Answer(400, b"no", sent_bytes=10) if left else Answer(204)

    outcome = asyncio.run(deliver(PARCELS[:3], post, Doubt()))
    assert (outcome.accepted, outcome.rejected, outcome.retry) == ((0,), {}, (1, 2))


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


def test_what_cannot_be_written_holds_up_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    """One parcel that the encoder fails on is rejected alone; where it fails on all of them nothing is."""

    class Encoder(Receiver):
        broken = frozenset({PARCELS[5].id})

        async def post(self, parcels: Sequence[Parcel]) -> Answer:
            if self.broken & {parcel.id for parcel in parcels}:
                raise OverflowError("too large")
            return await super().post(parcels)

    encoder = Encoder(set())
    outcome = send(encoder)
    assert outcome.rejected == {5: "cannot be written: OverflowError('too large')"}
    assert len(outcome.accepted) == len(PARCELS) - 1
    assert caplog.records != []
    encoder.broken = frozenset(parcel.id for parcel in PARCELS)
    outcome = send(encoder)
    assert (outcome.rejected, outcome.lasting) == ({}, True)
    assert "cannot be written" in outcome.trouble


def test_a_slow_receiver_that_refuses_much_is_not_asked_for_hours() -> None:
    """What has no verdict when patience is over waits for another time, and is no trouble."""
    receiver = Receiver({PARCELS[0].id, PARCELS[23].id})
    outcome = asyncio.run(deliver(PARCELS, receiver.post, Doubt(), patience_s=-1.0))
    assert (outcome.retry, outcome.trouble, receiver.requests) == (tuple(range(24)), "", [])
