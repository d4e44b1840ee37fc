"""The process that writes one report: `python -m exporters.report.child FOLDER PARENT`.

Says on stdout what it does, one JSON object a line: {"stage": ...} as it goes, at the end {"refused": [...]} with what
the sealed network refused, or {"error": ...}. Libraries that print are sent to stderr.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TextIO

from agent.confine import end_with, seal_network, yield_to_others


def main(folder: Path, parent: int) -> int:
    """Write the report of the job in `folder`; return the exit code."""
    out = _claim_stdout()
    end_with(parent)
    refused = seal_network()
    try:
        _write(folder, out)
    except MemoryError:
        _say(out, error="it needs more memory than [report] memory_limit_mib allows; ask for a shorter --since")
        return 1
    except ValueError as error:
        _say(out, error=str(error))
        return 1
    except Exception as error:  # noqa: BLE001  # the command that waits for us says it in a line
        _say(out, error=f"{type(error).__name__}: {error}")
        return 1
    _say(out, refused=refused)
    return 0


def _write(folder: Path, out: TextIO) -> None:
    import msgspec  # noqa: PLC0415  # the process is sealed first

    from exporters.report.agreement import compare, findings_by_signal, verdict  # noqa: PLC0415
    from exporters.report.document import ReportDocument, Subject  # noqa: PLC0415
    from exporters.report.job import HTML, JSON, read_job  # noqa: PLC0415
    from exporters.report.opinion import ask_evidently, choose_columns, load  # noqa: PLC0415
    from exporters.report.page import write_page  # noqa: PLC0415

    job, rows = read_job(folder)
    yield_to_others(job.memory_limit_mib)
    choice = choose_columns(rows, job.signals, findings_by_signal(job.findings))
    _say(out, stage="loading Evidently")
    load()
    _say(out, stage=f"comparing {len(choice.columns)} columns")
    evidently, their_page = ask_evidently(choice)
    _say(out, stage="writing")
    document = ReportDocument(
        **{name: getattr(job, name) for name in Subject.__struct_fields__},
        driftline=verdict(job),
        evidently=evidently,
        agreement=compare(job, rows, evidently),
    )
    _put(folder / JSON, msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
    _put(folder / HTML, write_page(document, their_page).encode("utf-8", "replace"))


def _put(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # it gets its name only when it is whole, a power cut included


def _claim_stdout() -> TextIO:
    """Keep stdout for ourselves; what libraries print goes to stderr."""
    ours = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return ours


def _say(out: TextIO, **what: object) -> None:
    out.write(json.dumps(what) + "\n")
    out.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
