"""The nightly cross-check: `driftline report` once a day, and a word where its verdict differs from the agent's own.

Runs in the agent's tick and never waits. The report is a process of its own, which asks the agent over its socket as
anybody would; the agent's memory does not know of it.
"""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from agent.clock import utc
from agent.status import PartHealth
from exporters.report.document import Agreement  # noqa: TC001  # msgspec resolves the annotations at run time
from exporters.report.extra import missing
from exporters.report.room import too_little
from exporters.report.schedule import Daily
from exporters.report.shelf import tidy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.clock import Clock
    from agent.model import Severity
    from agent.ports import StateStore
    from exporters.report.config import ReportConfig

NAME = "nightly report"
KIND, PART = "cross_check", "cross-check"
LONGEST_NS = 6 * 3_600 * 10**9  # of all streams together; each has its own limit
STOP_S = 3.0
_OUT, _LOG = "nightly.out", "nightly.log"


class Notice(Protocol):
    """Opens a finding about the agent itself, once while one of the same words is open."""

    def __call__(self, kind: str, sentence: str, advice: str, evidence: str, severity: Severity = ...) -> None:
        """Open it."""
        ...


class _Told(msgspec.Struct, frozen=True):
    """What is read of a report's JSON file."""

    key: str
    agreement: Agreement


class NightlyReport:
    """Starts the report when it is time, and reads what it says. Called from one thread.

    Parameters
    ----------
    config
        When, and how many reports stay.
    command
        What writes the reports into `folder`, and their names to stdout.
    folder
        Where they are kept.
    clock
        Time.
    notice, store
        Where a disagreement is told, and where it is kept that it was: once, until the two have agreed again.

    """

    def __init__(
        self,
        config: ReportConfig,
        command: Sequence[str],
        folder: Path,
        clock: Clock,
        notice: Notice,
        store: StateStore,
    ) -> None:
        self.command = tuple(command)
        self._config = config
        self._folder = folder
        self._clock = clock
        self._notice = notice
        self._store = store
        self._daily = Daily(config.nightly, clock)
        self._process: subprocess.Popen[bytes] | None = None
        self._began_ns = 0
        lacking = missing() or too_little()
        self._health = PartHealth(name=NAME, ok=lacking is None, note=lacking or f"waits for {config.nightly}")

    def tick(self) -> None:
        """Do what is due. Never raises: what goes wrong is this part's health."""
        self._guarded(self._step)

    def health(self) -> tuple[PartHealth, ...]:
        """Say how the last run went."""
        return (self._health,)

    def close(self) -> None:
        """End a report that is being written; it takes away what it had begun."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()  # the process that it waits for ends with it
            self._process.wait()
        self._process = None

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001  # a report is never worth the agent's tick
            self._health = PartHealth(name=NAME, ok=False, note=f"{type(error).__name__}: {error}")

    def _step(self) -> None:
        due = self._daily.due()
        if self._process is None:
            if due:
                self._start()
        elif self._process.poll() is not None:
            code, self._process = self._process.returncode, None
            self._finish(code)
        elif self._clock.monotonic_ns() - self._began_ns > LONGEST_NS:
            self.close()
            self._health = PartHealth(name=NAME, ok=False, note=f"took longer than {LONGEST_NS // 3_600_000_000_000} h")

    def _start(self) -> None:
        lacking = too_little()
        if lacking:
            self._health = PartHealth(name=NAME, ok=False, note=lacking)
            return
        self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        tidy(self._folder, self._config.keep, self._config.keep_mib)
        with (self._folder / _OUT).open("wb") as out, (self._folder / _LOG).open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own command
                self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=log, start_new_session=True
            )
        self._began_ns = self._clock.monotonic_ns()
        self._health = PartHealth(name=NAME, ok=True, note="is being written")

    def _finish(self, code: int) -> None:
        """Tell what the reports say, and how the run went."""
        said = []
        for line in (self._folder / _OUT).read_text(encoding="utf-8", errors="replace").splitlines():
            if line.endswith(".json"):
                told = msgspec.json.decode(Path(line).read_bytes(), type=_Told)
                self._tell(told, Path(line).with_suffix(".html"))
                said.append(f"{told.key}: {told.agreement.sentence}")
        tidy(self._folder, self._config.keep, self._config.keep_mib)
        when = utc(self._clock.wall_ns()).strftime("%Y-%m-%dT%H:%M:%SZ")
        note = f"{when}: {'; '.join(said) or 'nothing to report on'}"
        if code:
            lines = (self._folder / _LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
            note = f"{when}: {lines[-1] if lines else f'ended with exit code {code}'}"
        self._health = PartHealth(name=NAME, ok=code == 0, note=note)

    def _tell(self, told: _Told, page: Path) -> None:
        """Open a notice where the two come to disagree about something that matters."""
        known = self._store.get_state(told.key, PART) or b""
        now = told.agreement.verdict.encode() if told.agreement.material else b"agree"
        if now != known:
            self._store.put_state(told.key, PART, now)
        if told.agreement.material and known != now:
            self._notice(
                KIND,
                f"{told.key}: the nightly cross-check by Evidently and Driftline's own verdict disagree.",
                f"Look at the columns that differ in {page}; acknowledge this when you have.",
                " ".join((told.agreement.sentence, *told.agreement.reasons[-1:])),
                severity="info",
            )


class NoNightlyReport:
    """Stands where none is configured."""

    def tick(self) -> None:
        """Do nothing."""

    def health(self) -> tuple[PartHealth, ...]:
        """Be no part of the agent."""
        return ()

    def close(self) -> None:
        """Hold nothing."""
