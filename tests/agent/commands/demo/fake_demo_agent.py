"""An agent for the demo's tests: says what an agent would, from what the fake service leaves in the run directory.

Started with a run directory and a behaviour: `good`; `crash`, which fails once the service runs; `stillborn`.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from agent.model import Cause, Finding, SignalEvidence, Stream
from agent.ports import AgentAwayError
from agent.status import AgentStatus, BufferStatus, Status, StreamStatus

STREAM = Stream(model="meter-reader", sha256="9f86d081884c7d65")
STATUS = "status.json"
COUNT = "count"
ONSET = "onset"
STEP_S = 0.05


class FakeSource:
    """What `agent.client.AgentClient` is to the agent; asks the fake one through its file."""

    def __init__(self, socket: Path) -> None:
        self._file = socket.with_name(STATUS)

    def status(self) -> Status:
        """Return the newest status."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Status)
        except FileNotFoundError as error:
            raise AgentAwayError("no agent") from error

    def acknowledge(self, finding_id: str, note: str) -> None:
        """Take no notice."""


def make_finding(opened: datetime, *, signals: tuple[str, ...] = ("sharpness", "contrast")) -> Finding:
    """Make a finding about a fouled lens."""
    return Finding(
        id=f"f-{opened.timestamp()}",
        stream=STREAM,
        kind="shift",
        severity="critical",
        state="open",
        sentence="Images have lost sharpness and contrast.",
        advice="Clean the lens.",
        onset=opened,
        opened=opened,
        updated=opened,
        row=120,
        onset_row=100,
        signals=tuple(
            SignalEvidence(name=name, role="input", detector="shift", value=2.0, threshold=1.0) for name in signals
        ),
        causes=(Cause("sensor", "camera lens dirty or out of focus", 0.9, "sharpness fell"),),
    )


def make_status(inferences: int, findings: tuple[Finding, ...]) -> Status:
    """Make a status of one stream."""
    now = datetime.now(UTC)
    learning = inferences < 20
    stream = StreamStatus(
        stream=STREAM,
        key=STREAM.key,
        state="learning" if learning else "ok",
        inferences=inferences,
        errors=0,
        rate=100.0,
        reference_rows=min(inferences, 20),
        reference_target=20,
    )
    return Status(
        time=now,
        state="ok",
        agent=AgentStatus(
            version="0",
            pid=os.getpid(),
            started=now,
            uptime_s=1.0,
            rss_bytes=1,
            cpu_percent=1.0,
            ready_s=0.1,
            run_dir="",
            state_dir="",
            config_path=None,
            scrape_url=None,
            site="demo",
            device="meter-camera",
        ),
        buffer=BufferStatus(path="", mode="disk", bytes=0, limit_bytes=1, segments=0, rows=0),
        streams=(stream,) if inferences else (),
        host=(),
        findings=findings,
        events=(),
    )


def main(run: Path, behaviour: str) -> None:
    """Serve until SIGTERM."""
    if behaviour == "stillborn":
        sys.exit("no room on this device")
    findings: tuple[Finding, ...] = ()
    while not signal.sigtimedwait({signal.SIGTERM}, STEP_S):
        count = run / COUNT
        inferences = int(count.read_text() or 0) if count.exists() else 0
        if behaviour == "crash" and inferences:
            sys.exit("boom")
        if not findings and (run / ONSET).exists():
            findings = (make_finding(datetime.now(UTC)),)
        fresh = run / f"{STATUS}.new"
        fresh.write_bytes(msgspec.json.encode(make_status(inferences, findings)))
        fresh.replace(run / STATUS)
    (run / STATUS).unlink(missing_ok=True)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main(Path(sys.argv[1]), sys.argv[2])
