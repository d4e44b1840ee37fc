"""What a report's process is handed: a folder with one record and the rows, written by who asks for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from agent.model import Finding, Signal  # noqa: TC001  # msgspec resolves the annotations at run time
from exporters.report.document import Subject

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_RECORD, _ROWS = "job.json", "rows.npz"
HTML, JSON, ERRORS = "report.html", "report.json", "stderr.txt"


class Job(Subject, frozen=True, kw_only=True):
    """What a report is about, and what the process needs beside the rows.

    independent_rows: per signal, how many rows of the reference lie between two that are independent; 1 or absent where
        all are.
    memory_limit_mib: what the process may take.
    """

    signals: tuple[Signal, ...]
    findings: tuple[Finding, ...]
    independent_rows: dict[str, int]
    memory_limit_mib: int


class Rows(msgspec.Struct, frozen=True):
    """The rows to compare, each array float32 [n, S] in the order of time, NaN missing; `time_ns` int64 [n]."""

    current: NDArray[np.float32]
    time_ns: NDArray[np.int64]  # of `current`
    baseline: NDArray[np.float32]


def write_job(folder: Path, job: Job, rows: Rows) -> None:
    """Lay a job out in a folder."""
    (folder / _RECORD).write_bytes(msgspec.json.encode(job))
    np.savez(folder / _ROWS, current=rows.current, time_ns=rows.time_ns, baseline=rows.baseline)


def read_job(folder: Path) -> tuple[Job, Rows]:
    """Read what `write_job` wrote."""
    job = msgspec.json.decode((folder / _RECORD).read_bytes(), type=Job)
    with np.load(folder / _ROWS, allow_pickle=False) as stored:
        return job, Rows(stored["current"], stored["time_ns"], stored["baseline"])
