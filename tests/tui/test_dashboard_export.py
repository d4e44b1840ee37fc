from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from tests.tui.driving import dashboard, drive, until, until_drawn
from tests.tui.fake_cases import fouled, hostile
from tui.dialog import ChoiceDialog

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from agent.status import Status


def _exported(status: Status, *keys: str) -> list[str]:
    """Give what was said after an export by these keys."""
    app = dashboard(status)
    said: list[str] = []

    async def press(pilot: Pilot[None]) -> None:
        *way, form = keys
        for key in way:
            await pilot.press(key)
        await until_drawn(pilot)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog), "the form is asked for")
        await pilot.press(form)
        await until(pilot, lambda: bool(app._notifications), "something is said")
        said.extend(n.message for n in app._notifications)

    drive(app, press)
    return said


@pytest.mark.parametrize(
    ("way", "name", "rows", "first"),
    [
        ((), "streams", 3, {"model": "meter-reader", "state": "critical", "latency_p50_s": "0.0032"}),
        (("2",), "findings", 1, {"id": "f-0007", "cause": "camera: dirty or fogged lens"}),
        (("7",), "events", 203, {"text": "meter-reader: finding f-0007 opened (shift)"}),
        (("slash", *"leak", "enter"), "streams", 1, {"model": "leak-audio"}),
    ],
)
def test_list_in_focus_is_written_as_csv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: tuple[str, ...], name: str, rows: int, first: dict[str, str]
) -> None:
    """All rows that the filter leaves, with titles, into a new file where the dashboard was started."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"driftline-cam-07-{name}-20260314T140322Z.csv"
    assert _exported(fouled(), *way, "c") == [f"written to {path}"]
    found = list(csv.DictReader(io.StringIO(path.read_text())))
    assert len(found) == rows
    assert first.items() <= found[0].items()


def test_screen_is_written_as_text_with_what_is_out_of_sight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that scrolls is written whole."""
    monkeypatch.chdir(tmp_path)
    _exported(fouled(), "4", "enter", "t")
    (path,) = tmp_path.iterdir()
    text = path.read_text()
    assert path.name == "driftline-cam-07-host-20260314T140322Z.txt"
    for said in ("CRITICAL   cam-07", "the agent itself", "/var/lib/driftline", "http://127.0.0.1:9637/metrics"):
        assert said in text


def test_file_that_is_there_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second export in the same second, and a directory that takes nothing, are said."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "driftline-cam-07-streams-20260314T140322Z.csv"
    path.write_text("mine")
    assert _exported(fouled(), "c") == [f"not written: {path} is there already"]
    assert path.read_text() == "mine"
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.setenv("PWD", str(tmp_path))
    gone.rmdir()
    path.unlink()
    assert _exported(fouled(), "c") == [f"not written to {path.name}: No such file or directory"]
    assert not path.exists()


def test_hostile_names_reach_a_file_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No escape gets into a file, in either form."""
    monkeypatch.chdir(tmp_path)
    _exported(hostile(), "c")
    _exported(hostile(), "t")
    for path in tmp_path.iterdir():
        text = path.read_text()
        assert "evil[" in text
        assert all(char.isprintable() for line in text.splitlines() for char in line)
