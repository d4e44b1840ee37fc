"""Opens the buffer of a directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from agent.buffer.core import Buffer
from agent.buffer.errors import UnavailableError, say
from agent.buffer.folders import make_folder
from agent.buffer.lock import DirectoryLock
from agent.steady import SteadyClock

if TYPE_CHECKING:
    from pathlib import Path

    from agent.buffer.config import BufferConfig
    from agent.clock import DeviceClock


def open_buffer(directory: Path, clock: DeviceClock, config: BufferConfig, run_dir: Path | None = None) -> Buffer:
    """Open the buffer of a directory, making it where it is missing. It starts whatever state the files are in.

    What is stored of this boot is dated right where the clock was set meanwhile; a SteadyClock that is given goes on
    from what is stored. Where the directory cannot be written the buffer keeps its data in memory, and says so in
    `status`. In `run_dir` the last minutes outlive a kill of this process; None: they do not.

    Raises
    ------
    BufferBusyError
        Another process has the directory.
    SchemaTooNewError
        A later version wrote it.
    """
    directory = directory.absolute()
    steady = clock if isinstance(clock, SteadyClock) else SteadyClock(clock)
    try:
        make_folder(directory)
        lock = DirectoryLock(directory)
    except OSError as error:
        return Buffer(directory, steady, config, None, [f"{directory} cannot be written: {error.strerror}"])
    try:
        return Buffer(directory, steady, config, lock, run_dir=run_dir)
    except (UnavailableError, duckdb.Error, OSError) as error:
        lock.release()
        return Buffer(directory, steady, config, None, [f"{directory} cannot be used: {say(error)}"])
    except BaseException:
        lock.release()
        raise
