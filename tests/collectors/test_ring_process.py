from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from driftline.identity import this_process

from collectors.ring_header import Identity, RingHeader
from collectors.ring_process import Processes
from tests.collectors.fake_proc import FakeProc
from tests.collectors.ring_writer import BOOT_ID, START_TICKS

if TYPE_CHECKING:
    from pathlib import Path


def header(pid: int = 7, start_ticks: int = START_TICKS, namespace: int = 0, boot_id: bytes = BOOT_ID) -> RingHeader:
    """Return the header of a ring that this process wrote."""
    return RingHeader(128, 64, pid, start_ticks, namespace, boot_id, 0, 0, Identity(model="m"))


@pytest.mark.parametrize(
    ("state", "ticks", "expected"),
    [("S", START_TICKS, "alive"), ("R", START_TICKS, "alive"), ("Z", START_TICKS, "dead"), ("S", 1, "dead")],
)
def test_a_process_of_our_namespace(tmp_path: Path, state: str, ticks: int, expected: str) -> None:
    """It lives if pid and start time agree, and it is no zombie."""
    proc = FakeProc(tmp_path)
    proc.start(7, ticks, state)
    assert proc.processes.life(header(namespace=proc.namespace)) == expected


def test_no_such_process(tmp_path: Path) -> None:
    """A pid that is not there is dead."""
    proc = FakeProc(tmp_path)
    assert proc.processes.life(header(namespace=proc.namespace)) == "dead"


@pytest.mark.parametrize("shift", [None, 1])
def test_another_namespace_is_unknown(tmp_path: Path, shift: int | None) -> None:
    """In another namespace, or an unknown one, the pid is somebody else's."""
    proc = FakeProc(tmp_path)
    assert proc.processes.life(header(namespace=0 if shift is None else proc.namespace + shift)) == "unknown"


def test_another_boot_is_over(tmp_path: Path) -> None:
    """Whoever wrote before the machine last started is dead, in whatever namespace."""
    proc = FakeProc(tmp_path)
    proc.start(7)
    assert proc.processes.life(header(namespace=proc.namespace, boot_id=bytes(15) + b"\x01")) == "dead"
    assert proc.processes.life(header(namespace=proc.namespace, boot_id=bytes(16))) == "alive"


def test_this_process_by_the_probes_own_account() -> None:
    """The machine's /proc agrees with what the probe writes of the process that it is in."""
    own = this_process()
    mine = header(os.getpid(), own.start_ticks, own.pid_namespace, own.boot_id)
    assert Processes().life(mine) == "alive"
    assert Processes().life(header(os.getpid(), own.start_ticks + 1, own.pid_namespace, own.boot_id)) == "dead"


def test_without_proc_nothing_is_known(tmp_path: Path) -> None:
    """Where there is no /proc, nobody is taken for dead."""
    assert Processes(tmp_path).life(header(namespace=5)) == "unknown"
