from __future__ import annotations

import pytest

from agent.screen import Shape
from tui.graphs import ascii_text, console_text
from tui.histogram import drawn_cells, overlay, share_rows
from tui.spans import plain, width_of
from tui.stream_signals import shape_lines


def test_overlay_tells_what_both_have_from_what_one_has() -> None:
    """Solid is what both have, a ghost what only the reference has, hatched what only the present has."""
    lines = [plain(line) for line in overlay((1.0, 0.5, 0.0), (0.0, 0.5, 1.0), 6, 2)]
    assert lines == ["░░  ▓▓", "░░██▓▓"]


def test_overlay_of_what_did_not_change_is_solid() -> None:
    """Two equal distributions draw as one, with nothing of either alone."""
    shares = (0.05, 0.1, 0.35, 0.35, 0.1, 0.05)
    assert {c for line in overlay(shares, shares, 12, 5) for c in plain(line)} <= set(" ▁▂▃▄▅▆▇█")


def test_overlay_shows_the_least_share() -> None:
    """A cell that only a few rows fall into is not drawn as empty."""
    assert plain(overlay((1.0, 0.0), (0.99, 0.01), 2, 4)[-1]) == "█▁"


@pytest.mark.parametrize(("cells", "width", "filled"), [(20, 78, 60), (20, 10, 10), (7, 7, 7), (0, 9, 0)])
def test_overlay_never_leaves_its_width(cells: int, width: int, filled: int) -> None:
    """More cells than fit are put together, fewer are drawn broader."""
    lines = overlay([1.0] * cells, [1.0] * cells, width, 3)
    assert {width_of(line) for line in lines} == ({filled} if cells else set())
    assert drawn_cells(cells, width) == filled


def test_overlay_without_a_reference_draws_the_present() -> None:
    """Where nothing is known of before, there is no ghost."""
    assert [plain(line) for line in overlay((), (0.5, 1.0), 2, 2)] == [" █", "██"]


def test_shares_say_what_they_were() -> None:
    """A bar a class, over what it was, and both figures."""
    lines = [plain(line) for line in share_rows([("1", 0.1, 0.3), ("2", 0.2, 0.1)], 28, 9)]
    assert lines == [" 1 ███▓▓▓▓▓▓  30%  was  10%", " 2 ███░░░     10%  was  20%"]


def test_shape_of_categories_is_a_list_and_says_how_many_are_left_out() -> None:
    """Classes are drawn as bars with their names, those that are frequent before or now first."""
    shape = Shape(
        name="prediction", edges=(0.0, 1.0, 2.0), names=("cat", "dog", "cow"), before=(0.2, 0.7, 0.1),
        now=(0.1, 0.1, 0.8), rows=500,
    )  # fmt: skip
    lines = [plain(line) for line in shape_lines(shape, 60, 2)]
    assert lines[0] == " █ both  ░ reference  ▓ now   of the last 500 rows"
    assert [line.split()[0] for line in lines[1:3]] == ["cow", "dog"]
    assert lines[3] == " and 1 more"


def test_shape_says_how_much_lies_outside() -> None:
    """Values beyond the cells of the reference are said, with the axis below the drawing."""
    shape = Shape(name="t", unit="", edges=(0.0, 1.0, 2.0), before=(0.5, 0.5), now=(0.1, 0.3), rows=500)
    lines = [plain(line) for line in shape_lines(shape, 40, 4)]
    assert lines[-1].endswith("of the last 500 rows   60% lie outside")
    assert lines[-2].split() == ["0", "1", "2"]
    empty = Shape(name="t", edges=(0.0, 1.0), before=(0.0,), now=(0.0,), rows=0)
    assert [plain(line) for line in shape_lines(empty, 40, 4)] == [" no row has a value in the cells of the reference"]


def test_marks_differ_on_a_console_and_in_ascii() -> None:
    """The three marks stay three where the font has few, and where there is ASCII alone."""
    assert console_text("█░▓") == "█░▓"
    assert ascii_text("█░▓") == "#.+"
