"""Statuses for the dashboard: what an agent would say in each of the cases that a technician meets."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from msgspec import structs

from agent.model import Cause, Finding, Reading, Signal, SignalEvidence, Stream
from agent.status import (
    AgentStatus,
    BufferStatus,
    EventLine,
    PartHealth,
    SignalStatus,
    Status,
    StorageTrouble,
    StreamStatus,
    WearStatus,
)
from tests.tui.fake_stream import CAMERA, IMAGE, NOW, OUTPUT, latency_trend, signals, stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from agent.model import DeviceState, FindingState, Severity


def evidence(name: str, distance: float, before: float, after: float, role: str = "input") -> SignalEvidence:
    """Give what a finding knows of one signal."""
    return SignalEvidence(
        name=name, role=role, detector="shift", value=distance * 1e9, threshold=1e9, psi=distance,  # type: ignore[arg-type]
        ks=min(0.98, distance / 3), wasserstein=distance, reference_mean=before, recent_mean=after,
        psi_noise=0.05,
        ks_noise=0.07,
        wasserstein_noise=0.09,
    )  # fmt: skip


def fouling(state: FindingState = "open", identity: Stream = CAMERA) -> Finding:
    """Give the finding of a camera whose lens fouls."""
    return Finding(
        id="f-0007",
        stream=identity,
        kind="shift",
        severity="critical",
        state=state,
        sentence="The pictures lost sharpness and contrast (sharpness 41.2, now 13.9), and the model is less sure.",
        advice="Look at the camera: clean the lens, check the housing for water, and see that nothing covers it.",
        onset=NOW - timedelta(minutes=2, seconds=14),
        opened=NOW - timedelta(minutes=2, seconds=11),
        updated=NOW,
        row=9_412,
        onset_row=9_105,
        signals=tuple(evidence(n, d, b, a) for n, (b, a, d) in IMAGE.items())
        + tuple(evidence(n, d, b, a, "output") for n, (b, a, d) in OUTPUT.items()),
        causes=(
            Cause("sensor", "camera: dirty or fogged lens", 0.78, "sharpness and contrast fell, same mix of classes"),
            Cause("world", "other scene or light", 0.14, "brightness rose by 0.9 deviations"),
            Cause("device", "device under load", 0.03, "latency and temperature did not change"),
        ),
        note="lens ordered" if state == "acknowledged" else "",
    )  # fmt: skip


def slowness(number: int = 8, severity: Severity = "warning", identity: Stream = CAMERA) -> Finding:
    """Give the finding of a device that became slow."""
    return Finding(
        id=f"f-{number:04}",
        stream=identity,
        kind="series",
        severity=severity,
        state="open",
        sentence="Each inference takes 11 ms, three times as long as when it was learned.",
        advice="See what else runs on the device, and whether its fan and vents are free: the processor is throttled.",
        onset=NOW - timedelta(hours=3, minutes=number),
        opened=NOW - timedelta(hours=3, minutes=number) + timedelta(seconds=40),
        updated=NOW,
        row=120_000,
        onset_row=119_200,
        signals=(evidence("latency", 3.4, 3.2e-3, 11.1e-3, "runtime"),),
        causes=(Cause("device", "processor throttled by heat", 0.66, "91 °C, and the clock went down to 600 MHz"),),
    )


def host(temperature: float = 61.0, cpu: float = 0.34) -> tuple[Reading, ...]:
    """Give the newest readings of the host."""
    at = int(NOW.timestamp() * 1e9)
    pid = (("pid", "4242"), ("model", "meter-reader"))
    return (
        Reading("system.cpu.utilization", "1", cpu, at),
        Reading("system.memory.utilization", "1", 0.51, at, (("system.memory.state", "used"),)),
        Reading("system.memory.usage", "By", 2.04e9, at, (("system.memory.state", "used"),)),
        Reading("hw.temperature", "Cel", temperature, at, (("sensor", "cpu"),)),
        Reading("hw.temperature", "Cel", temperature - 12, at, (("sensor", "board"),)),
        Reading("system.filesystem.utilization", "1", 0.23, at, (("mountpoint", "/var/lib/driftline"),)),
        Reading("process.cpu.utilization", "1", 0.18, at, pid),
        Reading("process.memory.usage", "By", 212e6, at, pid),
    )


def status(
    state: DeviceState = "ok",
    streams: tuple[StreamStatus, ...] | None = None,
    findings: tuple[Finding, ...] = (),
    readings: tuple[Reading, ...] | None = None,
    time: datetime = NOW,
    parts: tuple[PartHealth, ...] = (),
) -> Status:
    """Give a whole status."""
    return Status(
        time=time,
        state=state,
        agent=AgentStatus(
            version="0.1.0", pid=4100, started=NOW - timedelta(hours=26), uptime_s=26 * 3600.0, rss_bytes=118_000_000,
            cpu_percent=2.1, ready_s=0.9, run_dir="/run/driftline", state_dir="/var/lib/driftline", config_path=None,
            scrape_url="http://127.0.0.1:9637/metrics", site="waterworks-3", device="cam-07", parts=parts,
        ),
        buffer=BufferStatus(
            path="/var/lib/driftline", mode="disk", bytes=41_500_000, limit_bytes=1_000_000_000, segments=2,
            rows=128_000, last_commit=NOW - timedelta(seconds=2),
            wear=WearStatus(written_bytes=38_100_000, limit_bytes=256 << 20, level="rows are kept as configured"),
        ),
        streams=(stream(),) if streams is None else streams,
        host=host() if readings is None else readings,
        findings=findings,
        events=(
            EventLine(NOW - timedelta(minutes=2, seconds=11), "meter-reader: finding f-0007 opened (shift)"),
            EventLine(NOW - timedelta(minutes=21), "meter-reader: reference learned from 1,000 inferences"),
            EventLine(NOW - timedelta(minutes=22), "meter-reader: service pid 4242 attached"),
        ),
    )  # fmt: skip


def calm() -> Status:
    """All is well."""
    return status()


def full_disk() -> Status:
    """All is well with the model, and nothing of it is stored."""
    trouble = StorageTrouble(
        kind="full", since=NOW - timedelta(minutes=41), error="No space left on device", nothing=False,
        sentence="The disk is full: inferences are not stored, findings still are.",
        advice="Free room on /var, or lower [buffer] limit_mib and restart the agent. Once there is room, everything "
        "is stored again by itself.",
    )  # fmt: skip
    return _unstored(trouble, "warning")


def read_only() -> Status:
    """The card gave up."""
    trouble = StorageTrouble(
        kind="read-only", since=NOW - timedelta(minutes=41), error="Read-only file system", nothing=True,
        sentence="The file system /var has turned read-only: nothing is stored. What waits in memory is lost at a "
        "restart.",
        advice="A card or disk that fails does this: read the reason with dmesg, and copy what must be kept. Then "
        "restart the device, which checks the file system; where it comes back, replace the card or disk.",
    )  # fmt: skip
    return _unstored(trouble, "critical")


def _unstored(trouble: StorageTrouble, severity: Literal["warning", "critical"]) -> Status:
    finding = Finding(
        id="f-0009", stream=Stream(model="driftline agent", runtime="driftline"), kind="disk", severity=severity,
        state="open", sentence=trouble.sentence, advice=trouble.advice, onset=trouble.since, opened=trouble.since,
        updated=trouble.since, row=0, onset_row=0, signals=(), causes=(Cause("device", "disk", 1.0, trouble.error),),
    )  # fmt: skip
    all_well = status(severity, findings=(finding,))
    return structs.replace(all_well, buffer=structs.replace(all_well.buffer, trouble=trouble))


def learning() -> Status:
    """The reference is being learned."""
    young = stream(state="learning", reference_rows=340, inferences=340, signals=(), predictions=())
    return status("learning", (young,))


def fouled() -> Status:
    """The lens of the camera fouled; a second model is calm, a third one learns."""
    gauge_reader = Stream(model="gauge-pressure", version="2", sha256="1b" * 32, runtime="onnxruntime 1.31.1", pid=4250)
    leak = Stream(model="leak-audio", version="1", sha256="c4" * 32, runtime="onnxruntime 1.31.1", pid=4251)
    return status(
        "critical",
        (
            stream(state="critical", signals=signals(fouled=True), confidence=0.741),
            stream(
                gauge_reader, rate=12.0, latency_p50_s=41e-6, latency_p99_s=88e-6, latency_trend=latency_trend(41e-6)
            ),
            stream(leak, "learning", reference_rows=340, rate=0.5, confidence=None, signals=()),
        ),
        (fouling(),),
    )  # fmt: skip


def slow() -> Status:
    """The device became slow and hot."""
    late = stream(
        state="warning", latency_p50_s=11.1e-3, latency_p99_s=0.18, latency_trend=latency_trend(3.2e-3, slow_from=40)
    )
    return status("warning", (late,), (slowness(),), host(91.0, 0.97))


def empty() -> Status:
    """No model is attached yet."""
    return status("waiting", ())


HOSTILE = "evil\x1b[31m\x1b]0;owned\x07[bold red]name[/] [link=http://x]\u202e\n\x9b2Jend[@click=app.quit]q[/]"


def hostile() -> Status:
    """Names and sentences that would move the cursor, or be read as markup."""
    identity = Stream(model=HOSTILE, version=HOSTILE, sha256=HOSTILE, runtime=HOSTILE, provider=HOSTILE, pid=13)
    signal = SignalStatus(signal=Signal(HOSTILE, "input"), evidence=0.7)
    bad = stream(identity, "critical", signals=(signal,), predictions=((HOSTILE, 3),), reference_notes=(HOSTILE,))
    finding = Finding(
        id=HOSTILE, stream=identity, kind=HOSTILE, severity="critical", state="acknowledged", sentence=HOSTILE,
        advice=HOSTILE, onset=NOW, opened=NOW, updated=NOW, row=1, onset_row=0,
        signals=(evidence(HOSTILE, 1.0, 0.0, 1.0),), causes=(Cause("data", HOSTILE, 0.5, HOSTILE),), note=HOSTILE,
    )  # fmt: skip
    wide = Stream(model="水位計カメラ第二", sha256="d" * 64)
    return status(
        "critical", (bad, stream(wide)), (finding,), parts=(PartHealth(name=HOSTILE, ok=False, note=HOSTILE),)
    )


def many() -> Status:
    """Two hundred streams and five thousand findings."""
    names = [Stream(model=f"line-{i:03}", sha256=f"{i:064x}", pid=5000 + i) for i in range(200)]
    streams = tuple(
        stream(name, "warning" if i < 9 else "ok", rate=98.4 + i, latency_p50_s=(1 + i) * 1e-4)
        for i, name in enumerate(names)
    )
    severities: tuple[Severity, ...] = ("critical",) * 5 + ("warning",) * 95 + ("info",) * 4900
    findings = tuple(slowness(i, severity, names[i % 9]) for i, severity in enumerate(severities))
    return status("critical", streams, findings)


CASES: dict[str, Callable[[], Status]] = {
    "fouled": fouled,
    "calm": calm,
    "full_disk": full_disk,
    "read_only": read_only,
    "learning": learning,
    "slow": slow,
    "empty": empty,
    "hostile": hostile,
    "many": many,
}
