"""Pictures of the screens. `pytest tests/tui --snapshot-update` takes them anew, after a change that was looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from tests.tui.driving import NARROW, WIDE, dashboard, until_drawn
from tests.tui.fake_cases import CASES
from tests.tui.fake_link import linked
from tui import palette

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.pilot import Pilot

    from tui.app import Dashboard

    class SnapCompare(Protocol):
        """The fixture of pytest-textual-snapshot."""

        def __call__(
            self,
            app: Dashboard,
            *,
            terminal_size: tuple[int, int],
            run_before: Callable[[Pilot[None]], Awaitable[None]],
        ) -> bool: ...


DRAWN_S = 0.15  # a frame is drawn a little after what it shows; a machine can be busy


def _steps(*keys: str, theme: str = palette.DARK) -> Callable[[Pilot[None]], Awaitable[None]]:
    async def take(pilot: Pilot[None]) -> None:
        pilot.app.theme = theme
        await until_drawn(pilot)
        for key in keys:
            await pilot.press(key)
            await until_drawn(pilot)
            await pilot.pause(DRAWN_S)
            await until_drawn(pilot)

    return take


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "140x45"])
@pytest.mark.parametrize(
    ("case", "keys"),
    [
        ("fouled", ()),
        ("fouled", ("enter",)),
        ("fouled", ("enter", "3")),
        ("fouled", ("enter", "5")),
        ("fouled", ("enter", "l")),
        ("fouled", ("2", "enter")),
        ("slow", ()),
        ("learning", ()),
        ("empty", ()),
        ("many", ()),
        ("calm", ("question_mark",)),
        ("full_disk", ()),
        ("read_only", ()),
        ("linked", ()),
        ("linked", ("4", "enter")),
        ("linked", ("6", "enter")),
        ("linked", ("7",)),
        ("linked", ("8",)),
        ("many", (":",)),
        ("many", ("slash", *"003", "enter")),
    ],
    ids=[
        "fouled",
        "stream",
        "time",
        "versions",
        "label",
        "finding",
        "slow",
        "learning",
        "empty",
        "many",
        "help",
        "full",
        "readonly",
        "linked",
        "device",
        "link",
        "events",
        "log",
        "palette",
        "filtered",
    ],
)
def test_screen_looks_as_it_did(
    snap_compare: SnapCompare, case: str, keys: tuple[str, ...], size: tuple[int, int]
) -> None:
    """Each screen at both sizes is as it was when someone looked at it."""
    given = (CASES | {"linked": linked})[case]()
    assert snap_compare(dashboard(given), terminal_size=size, run_before=_steps(*keys))


@pytest.mark.parametrize(
    ("theme", "keys"),
    [(palette.LIGHT, ()), (palette.SIXTEEN, ()), (palette.SIXTEEN, ("enter",)), (palette.SIXTEEN, ("2", "enter"))],
    ids=["light", "16", "16-stream", "16-finding"],
)
def test_theme_looks_as_it_did(snap_compare: SnapCompare, theme: str, keys: tuple[str, ...]) -> None:
    """The light and the 16-colour theme are as they were when someone looked at them."""
    assert snap_compare(dashboard(CASES["fouled"]()), terminal_size=NARROW, run_before=_steps(*keys, theme=theme))


@pytest.mark.parametrize("keys", [("4", "enter"), ("6", "enter"), ("7",), ("8",), (":",)], ids="".join)
def test_sixteen_colours_look_as_they_did(snap_compare: SnapCompare, keys: tuple[str, ...]) -> None:
    """The screens behind the overview, in the terminal's own sixteen colours."""
    steps = _steps(*keys, theme=palette.SIXTEEN)
    assert snap_compare(dashboard(linked()), terminal_size=NARROW, run_before=steps)


def test_away_looks_as_it_did(snap_compare: SnapCompare) -> None:
    """Without an agent the screen says why, and how to start one."""
    app = dashboard("no agent answers at /run/driftline/agent.sock")
    assert snap_compare(app, terminal_size=NARROW, run_before=_steps())
