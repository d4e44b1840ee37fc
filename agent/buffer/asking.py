"""Has questions answered by a process of their own, beside the agent that writes, or on the files of a stopped one.

Only the plainest are answered on the spot (`agent.buffer.quick`).

A question can hold a core and as much memory as it likes of that process; the agent lends it shared locks, passes its
answer on, and ends it when its time is up. One that met files which were being rewritten is asked again.
"""

from __future__ import annotations

import os
import subprocess
import threading
from contextlib import closing, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import msgspec

from agent.buffer.ending import Ending
from agent.buffer.query import QueryError, run_query
from agent.buffer.question import Form, Question
from agent.buffer.quick import answer_quickly
from agent.buffer.sharing import Sharing
from agent.confine import own_command
from agent.frames import MOST_BYTES, Verdict
from agent.room import lacking

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager

    from agent.buffer.core import Buffer
    from agent.buffer.query import QueryResult

    Lent = Callable[[Ending], AbstractContextManager[None]]

MOST_ANSWER_BYTES = 32 << 20  # of rows as JSON, which the agent has to hold while it sends them
_NEEDED_MIB = 72  # its own pages: 34 for a count, 69 for groups and quantiles of 20 signals
_ADVICE = "raise that limit, or ask again later"
_ATTEMPTS = 3
_GRACE_S = 5.0  # to start, to open the files, and to say by itself that its time is up
_PIECE_BYTES = MOST_BYTES // 4
_LAST_WORDS = 64 << 10  # a verdict is shorter


class Asking:
    """Asks the running agent's own buffer."""

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        status = buffer.status()
        self._directory = status.path
        self._walled = status.mode == "disk" and Sharing.possible()
        self._sharing = Sharing(status.path)
        self._running: set[Ending] = set()
        self._closed = False

    def query(self, sql: str, row_limit: int, time_limit_s: float) -> bytes:
        """Answer a SELECT; return the QueryResult as JSON. Raises ValueError as `run_query`."""
        quick = answer_quickly(self._buffer, sql, row_limit)
        if quick is not None:
            return self._encoded(quick)
        if not self._walled:
            return self._within(sql, row_limit, time_limit_s)
        answer = bytearray()
        for piece in self.stream("rows", sql=sql, row_limit=row_limit, time_limit_s=time_limit_s):
            if isinstance(piece, Verdict):
                if piece.again:  # so many rows come in that the files are never still for as long as it takes
                    return self._within(sql, row_limit, time_limit_s)
                if piece.error:
                    raise QueryError(piece.error)
                break
            answer += piece
            if len(answer) > MOST_ANSWER_BYTES:
                raise QueryError(
                    f"the answer is larger than {MOST_ANSWER_BYTES >> 20} MiB; ask for fewer rows or columns, or have "
                    "it written to a file with --format parquet --output FILE"
                )
        return bytes(answer)

    def _within(self, sql: str, row_limit: int, time_limit_s: float) -> bytes:
        return self._encoded(run_query(self._buffer, sql, row_limit, time_limit_s))

    def _encoded(self, result: QueryResult) -> bytes:
        return msgspec.json.encode(msgspec.structs.replace(result, notes=tuple(self._buffer.awaited.values())))

    def stream(
        self, form: Form, *, sql: str = "", table: str = "", since_ns: int = 0, row_limit: int = 1,
        time_limit_s: float, ending: Ending | None = None,
    ) -> Generator[bytes | Verdict, None, None]:  # fmt: skip
        """Yield an answer piece by piece, and last a verdict on it; `ending` ends it from another thread."""
        if not self._walled:
            yield Verdict(error="the buffer is in memory only: rows can be asked for, and not be written to a file")
            return
        full = lacking(_NEEDED_MIB, "a query", _ADVICE)
        if full:
            yield Verdict(error=full)
            return
        question = Question(
            directory=self._directory, beside=True, form=form, sql=sql, table=table, since_ns=since_ns,
            row_limit=row_limit, time_limit_s=time_limit_s, awaited=self._buffer.awaited,
        )  # fmt: skip
        ending = ending or Ending()
        self._running.add(ending)
        try:
            if self._closed:
                ending.end()
            with closing(ask(question, self._lent, ending)) as pieces:
                for piece in pieces:
                    if isinstance(piece, Verdict):
                        if piece.damaged:
                            self._buffer.suspect()
                        if self._closed:
                            yield Verdict(error="the agent is stopping")
                            return
                    yield piece
        finally:
            self._running.discard(ending)

    @contextmanager
    def _lent(self, ending: Ending) -> Iterator[None]:
        with self._buffer.lend(ending.interrupt), self._sharing.shared():
            yield

    def close(self) -> None:
        """End whatever is being answered."""
        self._closed = True
        for ending in list(self._running):
            ending.end()


def _of_nobody(_ending: Ending) -> AbstractContextManager[None]:
    return nullcontext()


def ask(
    question: Question, lent: Lent = _of_nobody, ending: Ending | None = None
) -> Generator[bytes | Verdict, None, None]:
    """Ask in a process of its own, which `ending` ends; yield the answer in pieces, and last a verdict.

    `lent` has the files be readable meanwhile; those of a stopped agent are.
    """
    ending = ending or Ending()
    for attempt in range(_ATTEMPTS):
        last = attempt == _ATTEMPTS - 1
        sent = False
        for piece in _ask_once(msgspec.structs.replace(question, last_attempt=last), lent, ending):
            if isinstance(piece, Verdict) and piece.again and not sent and not last:
                break
            sent = True
            yield piece
        else:
            return


def _ask_once(question: Question, lent: Lent, ending: Ending) -> Iterator[bytes | Verdict]:
    ending.interrupted = False
    with lent(ending), _started(question, ending) as (process, expired, words):
        assert process.stdin is not None
        assert process.stdout is not None
        # One that has ended already says why in its last words.
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.write(msgspec.json.encode(question))
        while piece := os.read(process.stdout.fileno(), _PIECE_BYTES):
            yield piece
        said = words()
        code = process.wait()
        if ending.interrupted:
            yield Verdict(again=True, error="the files had to be opened anew while it read them; ask again")
        else:
            yield _verdict(said, code, question.time_limit_s, expired=expired.is_set())


@contextmanager
def _started(
    question: Question, ending: Ending
) -> Iterator[tuple[subprocess.Popen[bytes], threading.Event, Callable[[], bytes]]]:
    """Give the process, whether its time ran out, and what waits for its last words."""
    command = own_command("agent.buffer.asked", str(os.getpid()))
    expired = threading.Event()
    process = subprocess.Popen(  # noqa: S603  # our own module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )

    def kill() -> None:
        expired.set()
        process.kill()

    timer = threading.Timer(question.time_limit_s + _GRACE_S, kill)
    timer.daemon = True
    timer.start()
    said = bytearray()
    listener = threading.Thread(target=_listen, args=(process, said), name="last-words", daemon=True)
    listener.start()

    def words() -> bytes:
        listener.join()
        return bytes(said)

    ending.add(process)
    try:
        yield process, expired, words
    finally:
        timer.cancel()
        ending.discard()
        process.kill()
        process.wait()
        listener.join()
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


def _listen(process: subprocess.Popen[bytes], said: bytearray) -> None:
    """Keep the end of what it says beside its answer: unread, it would fill the pipe and hold the process up."""
    assert process.stderr is not None
    while piece := os.read(process.stderr.fileno(), _LAST_WORDS):
        said += piece
        del said[:-_LAST_WORDS]


def _verdict(said: bytes, code: int, time_limit_s: float, *, expired: bool) -> Verdict:
    if expired:
        return Verdict(error=f"the query took longer than {time_limit_s:g} s and was stopped; ask for less")
    last = said.rstrip().rpartition(b"\n")[2]
    try:
        return msgspec.json.decode(last, type=Verdict)
    except msgspec.MsgspecError:
        if code < 0:
            return Verdict(error="the query's process was ended, most likely for want of memory; ask for less at once")
        return Verdict(error=f"the query's process failed: {last.decode(errors='replace') or f'exit code {code}'}")
