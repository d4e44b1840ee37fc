from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.room import MIB
from exporters.report.room import too_little

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

V2, V1 = "0::/system.slice/driftline.service\n", "5:cpu:/x\n4:memory:/system.slice/driftline.service\n"


def machine(root: Path, groups: str, files: Mapping[str, str] | None = None, available_mib: int = 4_000) -> Path:
    """A machine with so much memory, and these files below /sys/fs/cgroup."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups)
    (root / "proc/meminfo").write_text(f"MemTotal: 9999999 kB\nMemAvailable: {available_mib * 1024} kB\n")
    for name, value in (files or {}).items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    return root


def test_the_limit_of_the_agents_unit_is_seen(tmp_path: Path) -> None:
    """What the shipped unit allows is too little for a report, and it is said what to do."""
    service = "system.slice/driftline.service"
    root = machine(tmp_path, V2, {f"{service}/memory.max": str(256 * MIB), f"{service}/memory.current": str(130 * MIB)})
    said = too_little(root)
    assert said is not None
    assert "may take 256 MiB (memory.max of its group), of which 126 are left" in said
    assert "from a timer instead" in said


@pytest.mark.parametrize(
    "files",
    [
        {"system.slice/memory.max": str(500 * MIB), "system.slice/memory.current": str(300 * MIB)},
        {"memory.high": str(500 * MIB), "memory.current": str(300 * MIB)},
    ],
)
def test_the_limit_of_a_group_above_counts(tmp_path: Path, files: dict[str, str]) -> None:
    """A container's limit stands at the top; memory.high slows everybody down and counts too."""
    assert too_little(machine(tmp_path, V2, files)) is not None


def test_the_older_hierarchy_is_read_too(tmp_path: Path) -> None:
    """Version 1, as on older Jetsons; only the memory controller's group counts."""
    service = "memory/system.slice/driftline.service"
    files = {f"{service}/memory.limit_in_bytes": str(256 * MIB), f"{service}/memory.usage_in_bytes": str(100 * MIB)}
    assert too_little(machine(tmp_path, V1, files)) is not None


@pytest.mark.parametrize("limit", ["max", 2_000 * MIB])
def test_where_there_is_room_nothing_is_said(tmp_path: Path, limit: int | str) -> None:
    """No limit, or a high one."""
    service = "system.slice/driftline.service"
    files = {f"{service}/memory.max": str(limit), f"{service}/memory.current": str(130 * MIB)}
    assert too_little(machine(tmp_path, V2, files)) is None


def test_a_device_that_is_full_has_no_room(tmp_path: Path) -> None:
    """Whatever the groups say."""
    assert too_little(machine(tmp_path, V2, available_mib=300)) == (
        "the device has 300 MiB of memory left, and a report needs 450"
    )


def test_where_nobody_knows_nothing_is_said(tmp_path: Path) -> None:
    """No /proc: not Linux."""
    assert too_little(tmp_path) is None
