"""Writes the reports of one command, one stream after the other; a file has its name only when it is whole."""

from __future__ import annotations

import contextlib
import re
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands.report.gather import NothingToReportError, Wish, choose_streams, gather
from agent.commands.report.progress import Progress
from agent.commands.report.source import opened_source
from agent.ports import AgentAwayError, AgentRefusedError
from exporters.report.job import HTML, JSON, write_job
from exporters.report.process import ReportError, child_command, run_child
from exporters.report.shelf import SCRATCH_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.clock import Clock
    from agent.commands.report.rows import Stored
    from agent.commands.report.source import Source
    from agent.wiring import Config

NAME_LENGTH = 80


class Failed(Exception):  # noqa: N818  # it ends the command; what went wrong is its message
    """The command cannot go on; the message says why, for a person."""


def write_reports(
    chosen: str | None, wish: Wish, out: Path, config: Config, run: str | None, state: str | None, clock: Clock,
    unread: list[str], *, quiet: bool,
) -> Iterator[Path]:  # fmt: skip
    """Write a report for each stream that was asked for; yields the files as they come to be.

    Where one of several streams cannot be reported on the others are, and then Failed is raised with all reasons, or
    NothingToReportError where all that is missing is data. `unread` comes to say what could not be read.
    """
    progress = Progress(clock, quiet=quiet)
    failures: list[str] = []
    empty: list[str] = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        with opened_source(run, state, config) as source, contextlib.ExitStack() as stack:
            stack.callback(lambda: unread.extend(source.notes))
            for stored in choose_streams(source, wish.span, chosen):
                try:
                    yield from _write_one(source, stored, wish, out, config, clock, progress)
                except NothingToReportError as error:
                    progress.broken_off()
                    empty.append(str(error))
                except ReportError as error:
                    progress.broken_off()
                    failures.append(str(error))
    except AgentAwayError as error:
        raise Failed(f"{error}; to report on the buffer of a stopped agent, give --state DIR") from error
    except (AgentRefusedError, ValueError) as error:
        raise Failed(str(error)) from error
    except OSError as error:
        raise Failed(f"{error.filename or out}: {error.strerror}") from error
    finally:
        progress.broken_off()
    if failures:
        raise Failed("; ".join([*failures, *empty]))
    if empty:
        raise NothingToReportError("; ".join(empty))


def _write_one(
    source: Source, stored: Stored, wish: Wish, out: Path, config: Config, clock: Clock, progress: Progress
) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=SCRATCH_PREFIX, dir=out) as scratch:
        folder = Path(scratch).absolute()
        progress(f"{stored.stream.key}: reading {stored.good:,} inferences")
        job, rows = gather(source, stored, wish, config.report)
        write_job(folder, job, rows)
        run_child(folder, child_command(folder), config.report.time_limit_seconds, clock, progress)
        progress.done()
        name = file_name(job.device, job.key, job.generated.strftime("%Y%m%dT%H%M%SZ"))
        for written, suffix in ((JSON, ".json"), (HTML, ".html")):
            path = out / f"{name}{suffix}"
            (folder / written).replace(path)
            yield path


def file_name(device: str, key: str, stamp: str) -> str:
    """Name a report's files, without the ending: device and stream as far as a file's name allows.

    >>> file_name("camera-3", "meter/reader@9f86d081884c", "20260504T030000Z")
    'driftline-camera-3-meter_reader@9f86d081884c-20260504T030000Z'
    """
    full = f"{device}-{key}" if device else key
    name = re.sub(r"[^A-Za-z0-9._@-]", "_", full)
    if len(name) > NAME_LENGTH:
        name = f"{name[:NAME_LENGTH]}_{zlib.crc32(full.encode(errors='replace')):08x}"
    return f"driftline-{name}-{stamp}"
