"""The directory that rings lie in: the first of `wire.run_directories()` that is safe to write to.

A directory is refused when it is a symbolic link, when neither root nor this user owns it, or when everyone may write
to it and take away what others put there. It is held by descriptor, so that no one can swap it between check and use.
"""

from __future__ import annotations

import errno
import os
import stat

from driftline import wire

SYSTEM = "/run/driftline"
SYSTEM_MODE = 0o2770
OWN_MODE = 0o700


class NoRunDirectoryError(OSError):
    """No directory would do; the message lists why, one by one."""


def open_run_directory(chosen: str = "") -> tuple[str, int]:
    """Return path and descriptor of the run directory, made where it may be; `chosen` is the only one where given.

    Raises NoRunDirectoryError.
    """
    reasons = []
    for path in [chosen] if chosen else wire.run_directories():
        try:
            _make(path)
            return path, open_directory(path)
        except OSError as error:  # noqa: PERF203  # three directories at most
            reasons.append(f"{path}: {error.strerror or error}")
    raise NoRunDirectoryError("; ".join(reasons))


def _make(path: str) -> None:
    if path == SYSTEM and os.geteuid() != 0:
        return  # the agent's unit makes it; here it is used if it is there
    try:
        os.mkdir(path, OWN_MODE)
    except FileExistsError:
        return
    if path == SYSTEM:
        os.chmod(path, SYSTEM_MODE)  # mkdir drops the set-group-id bit


def open_directory(path: str) -> int:
    """Open a run directory, which must be safe and writable. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _check(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check(descriptor: int) -> None:
    found = os.fstat(descriptor)
    if found.st_uid not in (0, os.geteuid()):
        raise PermissionError(errno.EPERM, f"belongs to user {found.st_uid}")
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        raise PermissionError(errno.EPERM, "everyone may write to it")
    if not os.access(".", os.W_OK | os.X_OK, dir_fd=descriptor):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
