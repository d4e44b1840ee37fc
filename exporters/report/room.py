"""How much memory this process's group may still take, so that a report does not cost the agent its life.

Under systemd or in a container the agent's group has a limit of its own, and a report that is started by the agent
counts to it: beyond it the kernel ends a process of the group, and systemd then stops the service.
"""

from __future__ import annotations

from pathlib import Path

MIB = 1 << 20
NEEDED_MIB = 450  # what a report takes at most with 20 signals, 330, and the command that waits for it
_KIB = 1_024
# Of cgroup v2 and v1: the limits, and what is taken. Above memory.high the kernel slows everybody in the group down.
_FILES: tuple[tuple[str, str], ...] = (("memory.max", "memory.current"), ("memory.high", "memory.current"))
_FILES_V1: tuple[tuple[str, str], ...] = (("memory.limit_in_bytes", "memory.usage_in_bytes"),)


def too_little(root: Path = Path("/")) -> str | None:
    """Say why a report should not be started here, or None where there is room, or nobody knows.

    Parameters
    ----------
    root
        Where /proc and /sys are.

    """
    available = _available_mib(root)
    if available is not None and available < NEEDED_MIB:
        return f"the device has {available} MiB of memory left, and a report needs {NEEDED_MIB}"
    for folder, files in _groups(root):
        for limit_file, used_file in files:
            limit, used = _number(folder / limit_file), _number(folder / used_file)
            if limit is not None and used is not None and limit - used < NEEDED_MIB * MIB:
                return (
                    f"the agent and what it starts may take {limit // MIB} MiB ({limit_file} of its group), of which "
                    f"{max(0, limit - used) // MIB} are left, and a report needs {NEEDED_MIB}: raise that limit, or "
                    "start `driftline report` from a timer instead"
                )
    return None


def _groups(root: Path) -> list[tuple[Path, tuple[tuple[str, str], ...]]]:
    """Return the folders of this process's memory group and of those above it."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / ("memory" if controllers else "")
        here = top / path.lstrip("/")
        files = _FILES_V1 if controllers else _FILES
        found += [(folder, files) for folder in (here, *here.parents) if folder == top or top in folder.parents]
    return found


def _available_mib(root: Path) -> int | None:
    try:
        text = (root / "proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // _KIB
    return None


def _number(path: Path) -> int | None:
    """Read a figure; None where there is none, or where it is `max`."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
