"""How much memory this process's group may still take, so that what the agent starts does not cost it its life.

Under systemd or in a container the agent's group has a limit of its own, and a process that is started by the agent
counts to it: beyond it the kernel ends a process of the group. Pages of files that were read once are given back
before that, so they count as room.
"""

from __future__ import annotations

from pathlib import Path

MIB = 1 << 20
_KIB = 1_024
# Of cgroup v2 and v1: the limits, and what is taken. Above memory.high the kernel slows everybody in the group down.
_FILES: tuple[tuple[str, str], ...] = (("memory.max", "memory.current"), ("memory.high", "memory.current"))
_FILES_V1: tuple[tuple[str, str], ...] = (("memory.limit_in_bytes", "memory.usage_in_bytes"),)
_READ_ONCE = ("inactive_file", "total_inactive_file")  # of v2, which counts the groups below anyway, and v1


def lacking(needed_mib: int, what: str, advice: str, root: Path = Path("/")) -> str | None:
    """Say why a process should not be started here, or None where there is room, or nobody knows.

    Parameters
    ----------
    needed_mib
        What it takes at most, beside what the agent has.
    what
        What it is for: "a report".
    advice
        What to do about a limit of the group.
    root
        Where /proc and /sys are.

    """
    available = _available_mib(root)
    if available is not None and available < needed_mib:
        return f"the device has {available} MiB of memory left, and {what} needs {needed_mib}"
    for folder, files in _groups(root):
        for limit_file, used_file in files:
            limit, used = _number(folder / limit_file), _number(folder / used_file)
            if limit is None or used is None:
                continue
            left = limit - used + _read_once(folder / "memory.stat")
            if left < needed_mib * MIB:
                return (
                    f"the agent and what it starts may take {limit // MIB} MiB ({limit_file} of its group), of which "
                    f"{max(0, left) // MIB} are left, and {what} needs {needed_mib}: {advice}"
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


def _read_once(path: Path) -> int:
    """Return the bytes of files that the kernel gives back first; 0 where nobody knows."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    figures = dict(line.split(maxsplit=1) for line in lines if " " in line)
    return max(int(figures.get(name, 0)) for name in _READ_ONCE)
