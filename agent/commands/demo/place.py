"""Where a demo keeps its evidence and its sockets, and that it replaces nothing but an earlier demo's.

A demo's state directory bears a marker file. The demo holds a lock on it, and hands the lock down to its processes, so
that a directory stays taken until the last of them has ended.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from agent.paths import user_state_directory

MARKER = ".driftline-demo"
CONFIG = "driftline.toml"
RUN_PREFIX = "driftline-demo-"
SIDE_BY_SIDE = 9  # demos at once, before it is likelier that something else is wrong
LONGEST_RUN_PARENT = 60  # a Unix socket's path has 107 bytes, and ours goes on with a name of 40

REFERENCE_ROWS = 1_000
REFERENCE_SECONDS = 8
_CONFIG_TEXT = f"""\
# Written by `driftline demo`: a reference that is learned within its first seconds. A real one takes longer.
site = "demo"
device = "meter-camera"

[reference]
rows = {REFERENCE_ROWS}
seconds = {REFERENCE_SECONDS}
"""
_MARKER_TEXT = "This directory belongs to `driftline demo`, which replaces everything in it when it starts."


class PlaceError(Exception):
    """A directory cannot be used; the message names it and says why."""


class _TakenError(PlaceError):
    """Another demo runs there, or the directory is somebody else's: the next name may be free."""


@dataclass(frozen=True)
class Place:
    """The directories of one demo: `state` stays, `run` goes with it. `lock` is a descriptor for its processes."""

    state: Path
    run: Path
    lock: int

    @property
    def config(self) -> Path:
        """The agent's configuration."""
        return self.state / CONFIG

    def size(self) -> int:
        """Bytes of the evidence on disk."""
        return sum(path.stat().st_size for path in self.state.rglob("*") if path.is_file())

    def leave(self) -> None:
        """Remove the run directory and let go of the state directory, with all that is in it."""
        shutil.rmtree(self.run, ignore_errors=True)
        os.close(self.lock)


def claim(chosen: str | None) -> Place:
    """Take and empty a state directory: `chosen`, else the first of the user's own that is free. Raises PlaceError."""
    if chosen:
        return _claim(Path(chosen))
    base = user_state_directory() / "demo"
    for number in range(1, SIDE_BY_SIDE + 1):
        try:
            return _claim(base if number == 1 else base.with_name(f"demo-{number}"))
        except _TakenError as error:
            reason = error
    raise PlaceError(f"{reason}; so are its {SIDE_BY_SIDE - 1} neighbours. Choose a directory with --state")


def _claim(state: Path) -> Place:
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.path.lexists(state / MARKER) and any(state.iterdir()):
            raise _TakenError(f"{state} holds other files, which a demo would replace: choose an empty directory")
        lock = os.open(state / MARKER, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise PlaceError(f"{state}: {error.strerror}; choose another directory with --state") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise _TakenError(f"{state} is in use by another demo") from None
    try:
        _empty(state, lock)
        run = _make_run_directory()
        os.write(lock, f"{_MARKER_TEXT}\n{run}\n".encode())
        (state / CONFIG).write_text(_CONFIG_TEXT, encoding="utf-8")
    except OSError as error:
        os.close(lock)
        raise PlaceError(f"{error.filename or state}: {error.strerror}; choose another with --state") from error
    return Place(state, run, lock)


def _empty(state: Path, lock: int) -> None:
    """Remove an earlier demo's files, and its run directory where it was killed before it could do so."""
    text = os.read(lock, 4096).decode(errors="replace").splitlines()
    if len(text) > 1:
        left = Path(text[1])
        if left.name.startswith(RUN_PREFIX) and left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)  # it may be gone by now, or another user's
    os.lseek(lock, 0, os.SEEK_SET)
    os.ftruncate(lock, 0)
    for entry in state.iterdir():
        if entry.name == MARKER:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _make_run_directory() -> Path:
    """Make a private directory whose path is short enough for a Unix socket; in memory where there is such a place."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    parents = [runtime] if runtime and os.access(runtime, os.W_OK | os.X_OK) else []
    parents.append(tempfile.gettempdir())
    short = next((parent for parent in parents if len(parent) <= LONGEST_RUN_PARENT), "/tmp")  # noqa: S108  # mkdtemp makes it private
    return Path(tempfile.mkdtemp(prefix=RUN_PREFIX, dir=short))
