from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import driftline
import pytest
from driftline import sweep, wire

from tests.probe import models

if TYPE_CHECKING:
    from tests.probe.conftest import Rings


def _left_behind(rings: Rings, count: int, *, pid: int) -> None:
    driftline.watch(models.same, model="m")(1.0)
    (path,) = rings.paths()
    with path.open("rb") as file:
        header = bytearray(file.read(wire.HEADER_BYTES))
    fields = dict(zip(wire.FIXED_FIELDS, wire.FIXED.unpack_from(header), strict=True))
    fields["pid"] = pid
    wire.FIXED.pack_into(header, 0, *fields.values())
    for number in range(count):
        (rings.directory / f"m-{pid}-{number}.ring").write_bytes(header)


def _sweep(rings: Rings) -> int:
    descriptor = os.open(rings.directory, os.O_RDONLY)
    try:
        return sweep.remove_stale(descriptor, "m")
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(("count", "removed"), [(16, 0), (17, 17), (40, 40)])
def test_rings_of_the_dead_are_removed_past_sixteen(rings: Rings, count: int, removed: int) -> None:
    """Where no agent ever comes, the rings that dead processes left stay bounded; the living keep theirs."""
    _left_behind(rings, count, pid=999_999_999)
    assert _sweep(rings) == removed
    assert len(rings.paths()) == 1 + count - removed


def test_rings_of_the_living_stay(rings: Rings) -> None:
    """However many there are, a ring whose writer runs is not touched."""
    _left_behind(rings, 30, pid=os.getpid())
    assert _sweep(rings) == 0


def test_what_is_no_ring_stays(rings: Rings) -> None:
    """Files of others, links and half-made rings are not the probe's to remove."""
    for number in range(20):
        (rings.directory / f"m-1-{number}.ring").write_bytes(b"not a ring")
        (rings.directory / f"other-1-{number}.ring").write_bytes(b"not a ring")
        (rings.directory / f"m-2-{number}.ring").symlink_to("m-1-0.ring")
    assert _sweep(rings) == 0
    shutil.rmtree(rings.directory)


def test_watching_sweeps(rings: Rings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new process of the same model clears up when it begins to watch."""
    _left_behind(rings, 30, pid=999_999_999)
    monkeypatch.setattr("driftline.registry._streams", {})
    driftline.watch(models.same, model="m")
    assert len(rings.paths()) == 1
