"""Answers one question about a buffer in this process: `python -m agent.buffer.asked PARENT`.

The question comes as JSON on stdin, the answer goes to stdout, and the verdict is the last line on stderr. The process
gives way to everything else, can take so much memory and no more, writes no file, sees no file but the buffer's, and
ends with its parent. Whatever a question does to it, the agent does not notice.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agent.buffer.config import BufferConfig
from agent.buffer.copying import copy_out, has_more
from agent.buffer.errors import BufferBusyError, BufferMissingError, SchemaTooNewError, UnavailableError
from agent.buffer.extract import list_tables, select_table
from agent.buffer.guard import check, plainly
from agent.buffer.query import QueryError, reading, run_query
from agent.buffer.question import Question
from agent.buffer.reader import Reader, open_readonly
from agent.buffer.repair import CORE_FILE
from agent.buffer.segments import FOLDER, segment_files
from agent.buffer.still import Still
from agent.confine import end_with, see_only, yield_to_others
from agent.frames import Verdict, encode_verdict

if TYPE_CHECKING:
    from collections.abc import Callable

_PRIORITY = 10  # a tenth of what the others get on a busy core; at 19 it might not even start before its time is up


def main(parent: int) -> int:
    """Answer the question on stdin; return the exit code."""
    question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
    end_with(parent)
    yield_to_others(question.memory_mib, _PRIORITY)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        verdict = _answer(question)
    except MemoryError:
        verdict = Verdict(error="the query needs more memory than it may use; ask for less at once")
    except (BufferBusyError, BufferMissingError, SchemaTooNewError, UnavailableError) as error:
        verdict = Verdict(error=str(error))
    except Exception as error:  # noqa: BLE001  # whatever it is, who asked gets to know it
        verdict = Verdict(error=f"{type(error).__name__}: {error}")
    sys.stderr.buffer.write(b"\n" + encode_verdict(verdict))
    return 0


def _answer(question: Question) -> Verdict:
    directory = Path(question.directory)
    if not question.beside:
        reader = open_readonly(directory, piped=True)
        return _ask(reader, question, lambda: True)
    folder = directory / FOLDER
    here = [path for _, _, path in segment_files(folder) if path.name not in question.awaited]
    still = Still([directory / CORE_FILE, *here])
    config = BufferConfig(duckdb_memory_mib=question.duckdb_memory_mib)
    reader = Reader(directory, None, config, piped=True, without=question.awaited)
    if reader.notes and not question.last_attempt:
        return Verdict(again=True, error=reader.notes[0])
    return _ask(reader, question, still.unchanged)


def _ask(reader: Reader, question: Question, unchanged: Callable[[], bool]) -> Verdict:
    left_out = len(reader.notes)
    verdict = Verdict()
    see_only([Path(question.directory)])  # not before: DuckDB looks at the system when it starts
    try:
        answer, verdict = _ASK[question.form](reader, question)
    except QueryError as error:
        answer, verdict = b"", Verdict(error=str(error), damaged=len(reader.notes) > left_out)
    if not unchanged():
        # What it read may have been something else's bytes: neither an answer nor an error of it can be believed.
        return Verdict(again=True, error="the files were rewritten while it read them; ask again")
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
    verdict.notes = (*question.awaited.values(), *reader.notes[:left_out])
    return verdict


def _rows(reader: Reader, question: Question) -> tuple[bytes, Verdict]:
    result = run_query(reader, question.sql, question.row_limit, question.time_limit_s, walled=True)
    result = msgspec.structs.replace(result, notes=(*question.awaited.values(), *reader.notes))
    return msgspec.json.encode(result), Verdict(rows=len(result.rows), truncated=result.truncated)


def _file(reader: Reader, question: Question) -> tuple[bytes, Verdict]:
    limit = question.row_limit
    with reading(reader, question.time_limit_s) as cursor:
        if question.table:
            return b"", Verdict(rows=copy_out(cursor, select_table(reader, cursor, question), question.form))
        check(cursor, question.sql, walled=True)
        sql = plainly(cursor, question.sql)
        rows = copy_out(cursor, f"SELECT * FROM (\n{sql}\n) LIMIT {limit}", question.form)  # noqa: S608  # looked at
        return b"", Verdict(rows=rows, truncated=rows == limit and has_more(cursor, sql, limit))


def _tables(reader: Reader, question: Question) -> tuple[bytes, Verdict]:
    with reading(reader, question.time_limit_s) as cursor:
        return msgspec.json.encode(list_tables(reader, cursor, question.since_ns)), Verdict()


_ASK = {"rows": _rows, "parquet": _file, "csv": _file, "tables": _tables}


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
