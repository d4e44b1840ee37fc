from __future__ import annotations

import pytest

from agent.labels.news import is_news


def told(*shares: tuple[int, int]) -> list[tuple[int, bool]]:
    """Return labelled inferences, one a nanosecond: so many, of which one in so many is wrong (0: none)."""
    wrong = [every > 0 and number % every == 0 for count, every in shares for number in range(count)]
    return list(enumerate(wrong))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (told((100, 0), (20, 1)), True),  # it begins
        (told((100, 0), (20, 1), (400, 1)), True),  # it goes on
        (told((100, 0), (20, 1), (100, 0)), False),  # it is over
        (told((100, 0), (20, 1), (100, 5)), False),  # most of it is over
        (told((100, 0), (20, 1), (10, 0)), True),  # so few right ones can be chance
    ],
)
def test_a_fall_is_news_while_it_lasts(labels: list[tuple[int, bool]], *, expected: bool) -> None:
    """What the answers after the alarm say decides, once they are enough."""
    assert is_news(labels, 100, 119, 0.05) == expected


def test_answers_as_right_as_usual_are_no_fall() -> None:
    """Whatever a detector says."""
    assert is_news(told((100, 2)), 0, 99, 0.5) is False
