from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from agent.commands.demo import place as demo_place
from agent.commands.demo.place import PlaceError


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)


def test_the_default_place_is_the_users_own(tmp_path: Path) -> None:
    """Without a choice the evidence lies in the user's state directory, private, with a configuration."""
    place = demo_place.claim(None)
    assert tmp_path / "home" / "driftline" / "demo" == place.state
    assert place.state.stat().st_mode & 0o077 == 0
    assert "rows = 1000" in place.config.read_text()
    place.leave()


def test_a_second_demo_beside_the_first_takes_the_next_name() -> None:
    """A place in use is left alone."""
    first, second = demo_place.claim(None), demo_place.claim(None)
    assert [first.state.name, second.state.name] == ["demo", "demo-2"]
    first.leave()
    second.leave()


def test_a_chosen_place_in_use_is_refused(tmp_path: Path) -> None:
    """There is no next name for a directory that was chosen."""
    first = demo_place.claim(str(tmp_path / "mine"))
    with pytest.raises(PlaceError, match="in use by another demo"):
        demo_place.claim(str(tmp_path / "mine"))
    first.leave()


def test_an_earlier_demo_is_replaced(tmp_path: Path) -> None:
    """What an earlier demo left is removed, links are not followed."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    demo_place.claim(None).leave()
    state = tmp_path / "home" / "driftline" / "demo"
    (state / "segments").mkdir()
    (state / "segments" / "old.duckdb").touch()
    (state / "link").symlink_to(outside)
    place = demo_place.claim(None)
    assert {demo_place.MARKER, demo_place.CONFIG} == {path.name for path in state.iterdir()}
    assert (outside / "kept").exists()
    place.leave()


def test_files_that_are_not_a_demos_are_never_removed(tmp_path: Path) -> None:
    """A directory with files and without the marker is refused when chosen, and passed over when not."""
    state = tmp_path / "home" / "driftline" / "demo"
    state.mkdir(parents=True)
    (state / "thesis.txt").touch()
    with pytest.raises(PlaceError, match="holds other files"):
        demo_place.claim(str(state))
    place = demo_place.claim(None)
    assert place.state.name == "demo-2"
    assert (state / "thesis.txt").exists()
    place.leave()


def test_a_place_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """The message names the directory and says why."""
    (tmp_path / "file").touch()
    with pytest.raises(PlaceError, match=r"file/demo: Not a directory; choose another"):
        demo_place.claim(str(tmp_path / "file" / "demo"))


def test_a_marker_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """Nobody can have the demo write through a planted link."""
    state = tmp_path / "planted"
    state.mkdir()
    (state / demo_place.MARKER).symlink_to(tmp_path / "victim")
    with pytest.raises(PlaceError, match="planted"):
        demo_place.claim(str(state))
    assert not (tmp_path / "victim").exists()


def test_the_run_directory_is_private_short_and_goes_with_the_demo() -> None:
    """Sockets have room in its path; nothing is left of it."""
    place = demo_place.claim(None)
    assert len(str(place.run / "agent.sock")) < 100
    assert place.run.stat().st_mode & 0o077 == 0
    place.leave()
    assert not place.run.exists()


def test_a_long_temporary_directory_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path too long for a socket is passed over."""
    long = tmp_path / ("x" * 80)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    place = demo_place.claim(None)
    assert place.run.parent == Path("/tmp")
    place.leave()


def test_the_run_directory_of_a_demo_that_was_killed_is_removed() -> None:
    """A demo that could not clean up is cleaned up after, by the next one on its place."""
    killed = demo_place.claim(None)
    os.close(killed.lock)  # all that the kernel does for it
    assert killed.run.exists()
    place = demo_place.claim(None)
    assert not killed.run.exists()
    place.leave()
