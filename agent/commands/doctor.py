"""`driftline doctor`: each check is one line, with what to do where it is not fine."""

from __future__ import annotations

import os
import platform
import shutil
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
from driftline import wire

from agent.client import AgentClient, socket_path
from agent.commands.doctor_buffer import Check, buffer_checks, storage_checks
from agent.commands.doctor_stored import stored_checks
from agent.commands.options import config_option, run_option, state_option
from agent.config import ConfigError, find_config
from agent.paths import state_directory
from agent.ports import AgentAwayError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.status import AgentStatus, Status

LOW_DISK_BYTES = 256 * 1024 * 1024  # the buffer's working room: a segment, its WAL and a copy for a repair
MARKS = {"ok": "ok  ", "note": "note", "fail": "FAIL"}


@click.command("doctor")
@run_option
@state_option
@config_option
def command(run: str | None, state: str | None, config: str | None) -> None:
    """Check this installation and a running agent, and say what to mend. Exits 1 where something fails.

    Configuration and state directory are those of the running agent, unless others are named.
    """
    status, away = _asked(run)
    own = None if status is None else status.agent
    checks = [
        *_machine(),
        *_configuration(config, own),
        *_run_directories(run),
        *([away] if away else []),
        *(agent_checks(status) if status else stored_checks(state_directory(state))),
        *_disk(state or (own.state_dir if own else None)),
    ]
    for check in checks:
        click.echo(f"{MARKS[check.result]}  {check.text}")
        if check.advice and check.result != "ok":
            click.echo(f"      -> {check.advice}")
    failed = sum(check.result == "fail" for check in checks)
    click.echo(f"{len(checks)} checks, {failed} failed")
    sys.exit(1 if failed else 0)


def _machine() -> Iterator[Check]:
    system, machine = platform.system(), platform.machine()
    supported = system == "Linux" and machine in {"x86_64", "aarch64", "arm64"}
    yield Check(
        "ok" if supported else "note",
        f"{system} on {machine}, Python {platform.python_version()}",
        "Driftline is tested on Linux on x86-64 and arm64",
    )


def _configuration(named: str | None, own: AgentStatus | None) -> Iterator[Check]:
    from agent.wiring import load_config  # noqa: PLC0415  # loads duckdb and numpy

    if not named and own is not None and not own.config_path:
        yield Check("ok", "the agent runs without a configuration file: defaults")
        return
    chosen = named or (own.config_path if own is not None else None)
    try:
        path = find_config(chosen)
        load_config(chosen)
    except ConfigError as error:
        yield Check("fail", str(error), "the agent does not start with it; it exits with 78")
    else:
        yield Check("ok", f"configuration {path}" if path else "no configuration file: defaults")


def _run_directories(run: str | None) -> Iterator[Check]:
    found = False
    for name in [run] if run else wire.run_directories():
        path = Path(name)
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            continue
        except OSError as error:
            yield Check("note", f"run directory {name}: {error.strerror}")
            continue
        found = True
        if stat.S_ISLNK(mode) or not stat.S_ISDIR(mode):
            yield Check("fail", f"run directory {name} is a link or no directory", "remove it and restart the agent")
        elif not os.access(path, os.W_OK | os.X_OK):
            yield Check("note", f"run directory {name}: permission denied", "join the group driftline")
        else:
            rings = len(list(path.glob(f"*{wire.SUFFIX}")))
            yield Check("ok", f"run directory {name}: {rings} ring{'' if rings == 1 else 's'}")
    if not found:
        yield Check("note", "no run directory yet", "the agent makes it: driftline agent")


def _asked(run: str | None) -> tuple[Status | None, Check | None]:
    """Return what the agent says of itself, or why there is none."""
    try:
        return AgentClient(socket_path(run)).status(), None
    except AgentAwayError as error:
        return None, Check("note", str(error), "start it with: driftline agent")


def agent_checks(status: Status) -> Iterator[Check]:
    """Check what a running agent says of itself and of its streams."""
    agent = status.agent
    yield Check(
        "ok", f"agent {agent.version} answers: pid {agent.pid}, up {agent.uptime_s:.0f} s, state {status.state}"
    )
    yield Check("ok" if agent.scrape_url else "note", f"metrics at {agent.scrape_url}", "scraping is switched off")
    idle = _idle(status)
    for part in agent.parts:
        result: Literal["ok", "note", "fail"] = "fail" if not part.ok else "note" if part.name in idle else "ok"
        advice = "correct its [[river]] table in the configuration" if part.name in idle else ""
        yield Check(result, f"{part.name}{': ' + part.note if part.note else ''}", advice)
    yield from buffer_checks(status.buffer)
    yield from storage_checks(status.host)
    for stream in status.streams:
        wrong = stream.state in {"warning", "critical"}
        lost = f", {stream.lost} records lost, {stream.dropped} dropped" if stream.lost or stream.dropped else ""
        yield Check(
            "note" if lost or wrong else "ok",
            f"stream {stream.key}: {stream.state}, {stream.inferences} inferences{lost}",
            "what is wrong: driftline findings"
            if wrong
            else "records are lost while the agent is away longer than the ring holds",
        )
        for note in stream.reference_notes:
            yield Check("note", f"stream {stream.key}: {note}")
    for finding in status.known:
        yield Check(
            "note", f"{finding.stream.model}: closed as real, still going on: {finding.sentence}", finding.advice
        )


def _idle(status: Status) -> set[str]:
    """Name the parts of `[[river]]` tables that no stream has anything for; one that fits elsewhere is fine."""
    judged = [stream.key for stream in status.streams if stream.alarm_every_inferences]
    unfit: dict[str, list[str]] = {}
    for part in status.agent.parts:
        key = next((key for key in judged if part.name.startswith(f"{key} river ")), None)
        if key and part.ok and part.note:
            unfit.setdefault(part.name.removeprefix(key), []).append(part.name)
    return {name for names in unfit.values() if len(names) == len(judged) for name in names}


def _disk(state: str | None) -> Iterator[Check]:
    directory = state_directory(state)
    existing = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    yield Check(
        "ok" if free >= LOW_DISK_BYTES else "fail",
        f"state directory {directory}: {free // 1024**2} MiB free",
        f"the buffer needs {LOW_DISK_BYTES // 1024**2} MiB of room",
    )
