import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.buffer.outgoing.cursor import MOST_RUNS, Cursor
from tests.agent.buffer.outgoing.summaries import make_numbered

TOTALS = {"a": make_numbered(1, 0).summary}


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 6)), max_size=30))
def test_what_was_answered_is_known_in_any_order(runs: list[tuple[int, int]]) -> None:
    """Runs may come in any order, overlap and repeat: a number is answered for if and only if a run held it."""
    cursor, answered = Cursor(low=0, totals={}), set()
    for first, more in runs:
        if first <= cursor.low + 1 or not cursor.is_answered(first):
            cursor.answer(first, first + more, TOTALS)
            answered |= set(range(first, first + more + 1))
        assert [number for number in range(1, 60) if cursor.is_answered(number)] == sorted(answered)
        assert all(one[1] + 1 < other[0] for one, other in zip(cursor.beyond, cursor.beyond[1:], strict=False))
        assert not cursor.beyond or cursor.beyond[0][1] > cursor.low


def test_totals_move_with_the_place() -> None:
    """The totals are replaced when the place moves on, and only then."""
    cursor = Cursor(low=4, totals={})
    cursor.answer(7, 9, TOTALS)
    assert cursor.totals == {}
    cursor.answer(5, 6, TOTALS)
    assert (cursor.low, cursor.totals, cursor.beyond) == (6, TOTALS, [(7, 9)])
    cursor.answer(7, 9, {})
    assert (cursor.low, cursor.beyond) == (9, [])


def test_runs_are_bounded() -> None:
    """A link that flaps for ever costs repeats, not memory: the newest runs are forgotten."""
    cursor = Cursor(low=0, totals={})
    for at in range(MOST_RUNS + 5):
        cursor.answer(10 + 2 * at, 10 + 2 * at, TOTALS)
    assert len(cursor.beyond) == MOST_RUNS
    assert cursor.is_answered(10)


def test_it_survives_storing() -> None:
    """What is read back is what was stored; anything else is refused."""
    cursor = Cursor(low=3, totals=TOTALS, beyond=[(5, 6)], findings=2, dropped=1)
    assert Cursor.decode(cursor.encode()) == cursor
    for broken in (b"", b"x", Cursor(low=0, totals={}, version=9).encode()):
        with pytest.raises(ValueError, match="place in a queue"):
            Cursor.decode(broken)
