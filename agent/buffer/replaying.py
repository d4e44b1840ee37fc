"""Replays logs in a process of its own: a line on stdin says what to run, a line on stdout how that went.

It stands alone, so that it starts in a tenth of a second: neither this package nor what `duckdb` imports besides its
library is loaded. See `agent.buffer.rehearsal`.
"""

from __future__ import annotations

import json
import sys


def main(library: str) -> None:
    """Run each list of statements in an instance of its own."""
    sys.path.append(library)
    import _duckdb as duckdb  # noqa: PLC0415  # it is on the path only now

    for line in sys.stdin.buffer:
        told = json.loads(line)
        why = ""
        try:
            engine = duckdb.connect(":memory:", config=told["config"])
            for sql in told["statements"]:
                engine.execute(sql)
            engine.close()
        except duckdb.Error as error:
            why = str(error) or type(error).__name__
        print(json.dumps(why), flush=True)  # noqa: T201  # to who started it


if __name__ == "__main__":
    main(sys.argv[1])
