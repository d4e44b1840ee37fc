from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.room import MIB, lacking

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("read_once", "room"), [(20, True), (0, False)])
def test_pages_that_were_read_once_count_as_room(tmp_path: Path, read_once: int, room: bool) -> None:  # noqa: FBT001  # parametrized
    """The kernel gives them back before it slows anybody down or ends a process."""
    group = tmp_path / "sys/fs/cgroup/driftline"
    group.mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/driftline\n")
    for name, mib in (("high", 220), ("max", 256), ("current", 160)):
        (group / f"memory.{name}").write_text(f"{mib * MIB}\n")
    (group / "memory.stat").write_text(f"anon {100 * MIB}\ninactive_file {read_once * MIB}\nactive_file 7\n")
    said = lacking(72, "a query", "ask again later", tmp_path)
    assert said == (
        None
        if room
        else "the agent and what it starts may take 220 MiB (memory.high of its group), of which 60 are left, and "
        "a query needs 72: ask again later"
    )
