"""Has logs replayed by a process of its own before the agent's instance meets them.

What a log holds is run by DuckDB, not read: one whose entries do not belong together has made it give up the whole
instance, with every file in it, and could end the process. So a log that a stop left is replayed beside the agent
first. A longer one is folded into its file there at once: that can need more memory than the agent's instance has, and
spares it to replay it again. The process starts in a tenth of a second and replays some 40 MB of log a second.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.buffer import schema
from agent.buffer.blocks import FIRST_BLOCK
from agent.buffer.config import MIB
from agent.buffer.engine import literal
from agent.buffer.folders import length_of, wal_of
from agent.buffer.wal import examine

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

FOLDED_BYTES = 2 * MIB  # a shorter one is replayed again in less time than it takes to fold it
SCRIPT = Path(__file__).with_name("replaying.py")
_BESIDE_MIB = 128  # what folding takes beside the rows of the log
_LONGEST_S = 600.0
_GRACE_S = 5.0
_ALONE = "alone"
SETTING = "SET GLOBAL checkpoint_on_detach = 'DISABLED'"
# How a process ends itself. One that another ended, for want of memory perhaps, says nothing of what it was doing.
_OF_ITS_OWN = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)


class Rehearsal:
    """The process, started with the first log. One thread at a time; `close` ends it, and it may be used again."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._signal = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def replay(self, path: Path, alias: str, *, fold: bool = False, read_only: bool = False) -> str:
        """Open a file with its log, and perhaps fold that in; say why that failed, empty where it did not.

        Where there is no such process to be had nothing is known, and nothing is said.
        """
        folding = [schema.checkpoint(alias)] if fold else []
        attach = schema.attach(str(path), alias, read_only=read_only)
        statements = [SETTING, *memory_of(_needed_mib(path)), attach, *folding, schema.detach(alias)]
        answer = self._try({"statements": statements})
        if answer is None and self._signal in _OF_ITS_OWN:
            return f"what replayed it ended itself by signal {self._signal}"
        return answer or ""

    def metadata(self, path: Path, alias: str) -> list[int] | str:
        """Return the numbers of the blocks in which a file says what is where, or why it cannot be opened."""
        statements = [SETTING, *memory_of(_needed_mib(path)), schema.attach(str(path), alias, read_only=True)]
        listing = {"list": schema.metadata_blocks(alias), "then": schema.detach(alias)}
        answer = self._try({"statements": statements, **listing})
        return [] if answer is None else answer

    def last_number(self, path: Path, table: str, column: str) -> int | None:
        """Return the highest number in a table of a file without its log, None where that cannot be found out."""
        if path.stat().st_size <= FIRST_BLOCK:
            return 0  # all that there ever was is in the log
        alone = path.with_name(path.name + ".tmp")
        try:
            alone.unlink(missing_ok=True)
            _link(path, alone)
            statements = [SETTING, *memory_of(_BESIDE_MIB), schema.attach(str(alone), _ALONE, read_only=True)]
            question = {"list": schema.highest(_ALONE, table, column), "then": schema.detach(_ALONE)}
            answer = self._try({"statements": statements, **question})
        except OSError:
            return None
        finally:
            alone.unlink(missing_ok=True)
        return answer[0] if isinstance(answer, list) else None

    def headers(self, path: Path) -> bytes:
        """Read the headers of a file, which may be open here: reading it here would let go of its lock."""
        return bytes.fromhex(self._ask({"headers": str(path)}) or "")

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _try(self, question: dict[str, object]) -> Any:
        """Ask for what a file is opened for; what was left open by one that failed ends with its process, not later.

        Where a core had to be waited for, an instance that had failed still held a file, or folded its new log in.
        """
        answer = self._ask(question)
        if isinstance(answer, str) and answer:
            self.close()
        return answer

    def _ask(self, question: dict[str, object]) -> Any:
        """Ask the process; None where it does not answer, and `_signal` is then what ended it."""
        self._signal = 0
        try:
            process = self._process = self._process or start_process()
            assert process.stdin
            assert process.stdout
            process.stdin.write(encode_question(question))
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], _LONGEST_S)
            answer = process.stdout.readline() if ready else b""
        except OSError:
            answer = b""
        if answer:
            return json.loads(answer)
        if self._process:
            with suppress(subprocess.TimeoutExpired):  # it hangs: it is killed
                self._signal = -self._process.wait(_GRACE_S)
        self.close()
        return None


def start_process() -> subprocess.Popen[bytes]:
    """Start the process, which answers each line on its stdin. Raises OSError."""
    library = find_spec("_duckdb")
    assert library
    assert library.origin
    command = [sys.executable, "-I", "-S", str(SCRIPT), str(Path(library.origin).parent), str(os.getpid())]
    return subprocess.Popen(  # noqa: S603  # our own
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def memory_of(mib: int, spill: str = "") -> list[str]:
    """Statements that say how much memory DuckDB may take, and in which folder lies what does not fit."""
    return [f"SET GLOBAL memory_limit = '{mib}MiB'", f"SET GLOBAL temp_directory = {literal(spill)}"]


def encode_question(question: dict[str, object]) -> bytes:
    """Write down for the process what it is to do."""
    return json.dumps(question).encode() + b"\n"


def _needed_mib(path: Path) -> int:
    return _BESIDE_MIB + length_of(wal_of(path)) // MIB


def longest_that_replays(rehearsal: Rehearsal, path: Path, alias: str) -> int:
    """Find how many bytes of a file's log can be replayed, in whole transactions; 0 where that cannot be found out.

    Tried in a temporary folder beside the file: it is the file itself by another name, with the beginning of its log.
    """
    wal = wal_of(path)
    ends = [0, *examine(wal).ends]
    low, high = 0, len(ends)  # so many are known to replay, and not to
    folder = path.with_name(path.name + ".tmp")
    tried = folder / path.name
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o750)
        _link(path, tried)
        _copy_beginning(wal, wal_of(tried), wal.stat().st_size)
        if not rehearsal.replay(tried, alias, read_only=True):
            return 0
        while high - low > 1:
            middle = (low + high) // 2
            _copy_beginning(wal, wal_of(tried), ends[middle])
            if rehearsal.replay(tried, alias, read_only=True):
                high = middle
            else:
                low = middle
    except OSError:
        return 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return ends[low]


def _link(path: Path, name: Path) -> None:
    try:
        os.link(path, name)
    except OSError:  # not every file system has links
        shutil.copyfile(path, name)


def _copy_beginning(source: Path, target: Path, size: int) -> None:
    with source.open("rb") as beginning, target.open("wb") as copy:
        for at in range(0, size, MIB):
            copy.write(beginning.read(min(MIB, size - at)))
