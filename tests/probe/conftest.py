"""A run directory of the test's own, and no streams left from the test before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from driftline import ids, labelled, observed, registry

from tests.probe.ring_reader import RingContent, read_ring

if TYPE_CHECKING:
    from pathlib import Path


class Rings:
    """The rings in a run directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def paths(self) -> list[Path]:
        """Return all ring files, by name."""
        return sorted(self.directory.glob("*.ring"))

    def all(self) -> list[RingContent]:
        """Read all rings."""
        return [read_ring(path) for path in self.paths()]

    def only(self) -> RingContent:
        """Read the one ring that there is."""
        (ring,) = self.all()
        return ring


@pytest.fixture
def rings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rings:
    """Give the run directory of a process that watches nothing yet."""
    directory = tmp_path / "run"
    directory.mkdir(mode=0o700)
    monkeypatch.setenv("DRIFTLINE_RUN", str(directory))
    monkeypatch.setattr(registry, "_streams", {})
    monkeypatch.setattr(registry, "_state", {**registry._state, "full": False})
    monkeypatch.setattr(observed, "_known", {})
    monkeypatch.setattr(observed, "_said", set())
    monkeypatch.setattr(labelled, "_known", {})
    monkeypatch.setattr(labelled, "_said", set())
    monkeypatch.setattr(ids, "newest", ids.Newest())
    return Rings(directory)
