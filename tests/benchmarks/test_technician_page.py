from __future__ import annotations

import re

import pytest

from benchmarks.technician import KINDS, PAGE, read
from tests.tui.driving import NARROW

SCREENS = {
    kind: (name, text)
    for kind, name, text in re.findall(
        r"<!-- screen (\S+) (finding-\S+) -->\n```text\n(.*?)\n```", PAGE.read_text(), re.DOTALL
    )
}


@pytest.mark.parametrize("kind", KINDS)
def test_screen_in_the_page_says_what_is_wrong(kind: str) -> None:
    """Each of the six screens names its cause first, gives the advice, and shows no estimate that does not hold."""
    name, text = SCREENS[kind]
    assert read(kind, {name: text}) == []
    assert max(map(len, text.splitlines())) <= NARROW[0]
    assert len(text.splitlines()) <= NARROW[1]


def test_screen_of_another_fault_is_not_taken_for_right() -> None:
    """The reading fails where the screen says something else."""
    name, text = SCREENS["dim"]
    assert read("rotate", {name: text}) != []
    said = text.replace("try  ", "estimated accuracy 91% ", 1)
    assert read("rotate", {name: said})[-1].startswith("an estimated accuracy that does not hold is shown")
