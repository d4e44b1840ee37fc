"""Where the agent keeps its state and its sockets, and that nobody else has laid those places out for it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from driftline import wire

SYSTEM_STATE = Path("/var/lib/driftline")


class PathError(Exception):
    """A directory cannot be used; the message names it and says why."""


def state_directory(chosen: str | None) -> Path:
    """Return where the buffer lives: `chosen`, else /var/lib/driftline when it is ours, else the user's own."""
    if chosen:
        return Path(chosen)
    if os.geteuid() == 0 or (SYSTEM_STATE.is_dir() and os.access(SYSTEM_STATE, os.W_OK)):
        return SYSTEM_STATE
    return user_state_directory()


def user_state_directory() -> Path:
    """Return $XDG_STATE_HOME/driftline, or its default under the home directory."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "driftline"


def claim_run_directories(chosen: str | None) -> tuple[Path, ...]:
    """Return the directories to look for rings in; the first is made and checked, and holds the agent's socket.

    It is `chosen` alone where that is given, else the first that can be used of `driftline.wire.run_directories`.
    Raises PathError.
    """
    candidates = [Path(directory) for directory in ([chosen] if chosen else wire.run_directories())]
    reasons = []
    for candidate in candidates:
        reason = _claim(candidate)
        if reason is None:
            return (candidate, *(other for other in candidates if other != candidate))
        reasons.append(f"{candidate}: {reason}")
    raise PathError("no run directory can be used: " + "; ".join(reasons))


def _claim(path: Path) -> str | None:
    """Make the directory where it is missing; return why it cannot be used, or None."""
    shared = path == Path("/run/driftline")
    try:
        path.mkdir(mode=0o2770 if shared else 0o700, parents=not shared)
        if shared:
            path.chmod(0o2770)  # mkdir leaves the set-group-id bit to the file system
    except FileExistsError:
        pass
    except OSError as error:
        return error.strerror or str(error)
    return _refusal(path.lstat(), path)


def _refusal(found: os.stat_result, path: Path) -> str | None:
    if stat.S_ISLNK(found.st_mode):
        return "it is a symbolic link"
    if not stat.S_ISDIR(found.st_mode):
        return "it is not a directory"
    if found.st_uid not in {0, os.geteuid()}:
        return f"it belongs to user {found.st_uid}"
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        return "anyone may write to it; chmod o-w"
    if not os.access(path, os.W_OK | os.X_OK):
        return "permission denied"
    return None
