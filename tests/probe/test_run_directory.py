from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import driftline
import pytest
from driftline import rundir, wire

from tests.probe import models

if TYPE_CHECKING:
    from pathlib import Path

    from tests.probe.conftest import Rings


def _refused(match: str) -> None:
    watched = driftline.watch(models.same, model="m")
    with pytest.warns(RuntimeWarning, match=match) as warned:
        assert [watched(float(n)) for n in range(5)] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert len(warned) == 1


def test_a_symbolic_link_is_refused(rings: Rings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run directory that is a link is not followed; the service is told once and goes on."""
    link = tmp_path / "link"
    link.symlink_to(rings.directory)
    monkeypatch.setenv("DRIFTLINE_RUN", str(link))
    _refused("link")
    assert rings.paths() == []


def test_a_directory_that_everyone_may_write_to_is_refused(rings: Rings) -> None:
    """Without the sticky bit anyone could put another file in the ring's place."""
    rings.directory.chmod(0o777)
    _refused("everyone may write")
    rings.directory.chmod(0o1777)
    driftline.watch(models.same, model="other")(1.0)
    assert len(rings.paths()) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_refused(rings: Rings) -> None:
    """Who owns the directory could take the ring away and put a truncated one in its place."""
    os.chown(rings.directory, 12345, -1)
    _refused("belongs to user 12345")


def test_a_file_in_the_way_is_refused(tmp_path: Path, rings: Rings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run directory that is a file is none."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("DRIFTLINE_RUN", str(tmp_path / "file"))
    _refused("file")
    assert rings.paths() == []


def test_the_first_that_will_do_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that cannot be used gives way to the next, which is made for its owner alone."""
    (tmp_path / "blocked").touch()
    directories = [str(tmp_path / "blocked"), str(tmp_path / "missing" / "deep"), str(tmp_path / "own")]
    monkeypatch.setattr(wire, "run_directories", lambda: directories)
    path, descriptor = rundir.open_run_directory()
    os.close(descriptor)
    assert path == directories[2]
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes the system's directory")
def test_root_makes_the_systems_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory that is shared with the agent is set-group-id and closed to others."""
    system = tmp_path / "system"
    monkeypatch.setattr(rundir, "SYSTEM", str(system))
    monkeypatch.setattr(wire, "run_directories", lambda: [str(system)])
    path, descriptor = rundir.open_run_directory()
    os.close(descriptor)
    assert path == str(system)
    assert stat.S_IMODE(system.stat().st_mode) == 0o2770


def test_a_directory_of_ones_own_choice(rings: Rings, tmp_path: Path) -> None:
    """`run_dir` goes before everything else."""
    chosen = tmp_path / "chosen"
    driftline.watch(models.same, model="m", run_dir=chosen)(1.0)
    assert rings.paths() == []
    assert len(list(chosen.glob("*.ring"))) == 1
