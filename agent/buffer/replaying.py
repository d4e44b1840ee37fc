"""Replays logs in a process of its own: a line on stdin says what to run or to read, one on stdout how that went.

It stands alone, so that it starts in a tenth of a second: neither this package nor what `duckdb` imports besides its
library is loaded. See `agent.buffer.rehearsal`.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys

_HEADERS_BYTES = 3 << 12
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


def main(library: str, parent: int) -> None:
    """Run each list of statements, in a new instance after one that failed.

    It ends with its parent: the next agent could not open a file that this process still held.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        return
    sys.path.append(library)
    import _duckdb as duckdb  # noqa: PLC0415  # it is on the path only now

    engine = None
    for line in sys.stdin.buffer:
        told = json.loads(line)
        if "headers" in told:
            print(json.dumps(beginning(told["headers"])), flush=True)  # noqa: T201  # to who started it
            continue
        answer: object = ""
        try:
            engine = engine or duckdb.connect(":memory:", config={"threads": 1})
            for sql in told["statements"]:
                engine.execute(sql)
            if "list" in told:
                answer = [row[0] for row in engine.execute(told["list"]).fetchall()]
                engine.execute(told["then"])
        except duckdb.Error as error:
            answer = str(error) or type(error).__name__
            engine = None  # it may have given up
        print(json.dumps(answer), flush=True)  # noqa: T201  # to who started it


def beginning(path: str) -> str:
    """Return the headers of a file in hexadecimal. Where it is open reading it would let go of its lock: not here."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # pathlib would have to be loaded
            return file.read(_HEADERS_BYTES).hex()
    except OSError:
        return ""


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
