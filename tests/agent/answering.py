"""What a daemon answers to the local API, from fixed records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent.baseline_keeper import BaselineKeeper
from agent.clock import ManualClock, utc
from agent.events import Events
from agent.findings import FindingBook
from agent.forwarded import DeadLetterLine, EgressLine, LinkResult, OutboxView
from agent.frames import Verdict
from agent.model import Finding, Stream
from agent.outbound_ports import OutboxAwayError
from agent.status import AgentStatus, BufferStatus, DestinationStatus, Status
from agent.truth import LabelSummary
from tests.agent.bundling import BundlingAnswers
from tests.agent.faked_screens import FakedScreens
from tests.agent.fakes import MemoryStore, PlainExplainer, factories

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from typing import TypeVar

    from agent.extract_api import ExtractRequest
    from agent.model import Label

    T = TypeVar("T")

NOW = utc(1_700_000_000_000_000_000)
FINDING = Finding(
    id="f1", stream=Stream(model="m"), kind="input_shift", severity="warning", state="open", sentence="s", advice="a",
    onset=NOW, opened=NOW, updated=NOW, row=9, onset_row=3, signals=(), causes=(),
)  # fmt: skip
STATUS = Status(
    time=NOW,
    state="warning",
    agent=AgentStatus(
        version="0", pid=1, started=NOW, uptime_s=1.0, rss_bytes=1, cpu_percent=0.1, ready_s=0.5, run_dir="r",
        state_dir="s", config_path=None, scrape_url=None, site="", device="d",
    ),
    buffer=BufferStatus(path="s", mode="disk", bytes=1, limit_bytes=2, segments=1, rows=3),
    streams=(),
    host=(),
    findings=(FINDING,),
    events=(),
)  # fmt: skip

LETTER = DeadLetterLine(destination="hq", time=NOW, id="0f3a-w1-5-m", content="5 min of m", reason="400: bad sample")
OUTBOX = OutboxView(
    destinations=(DestinationStatus(name="hq", kind="otlp", url="https://hq.example"),), dead_letters=(LETTER,)
)
EGRESS = EgressLine(
    time=NOW, destination="hq", address="https://hq.example", parcels=2, accepted=2, bytes=900, fields=("findings",)
)


class Answers:
    """Answers from fixed records; `ready` off is an agent that is starting."""

    def __init__(self) -> None:
        self.ready, self.told = True, STATUS
        self.notes: list[str] = []
        self.bundling = BundlingAnswers()
        self.screens = FakedScreens()
        self.labels: list[Label] = []
        store, clock = MemoryStore(), ManualClock()
        book = FindingBook(PlainExplainer(), store)
        events, nobody = Events(store, clock), lambda *_: None
        self.keeper = BaselineKeeper({}, store, factories(), book, clock, store.commit, events, nobody)

    async def status(self) -> Status | None:
        return self.told if self.ready else None

    async def findings(self, *, everything: bool) -> list[Finding]:
        return [FINDING, FINDING] if everything else [FINDING]

    async def acknowledge(self, finding_id: str, note: str) -> Finding:
        if finding_id != FINDING.id:
            raise KeyError(finding_id)
        self.notes.append(note)
        return FINDING

    async def reference(self, stream_key: str) -> bytes | None:
        return b"\x00reference" if stream_key == "m@1 &?" else None

    async def baselines(self, ask: Callable[[BaselineKeeper], T]) -> T:
        return ask(self.keeper)

    async def label(self, labels: Sequence[Label]) -> LabelSummary:
        if not self.ready:
            raise OSError("the disk is full")
        self.labels += labels
        return LabelSummary(matched=len(labels))

    async def outbox(self, destination: str) -> OutboxView:
        if destination not in {"", "hq"}:
            raise KeyError(f"no destination is called {destination!r}: hq")
        return OUTBOX

    async def retry_dead(self, destination: str) -> int:
        if not self.ready:
            raise OutboxAwayError("the disk is full")
        return len(destination)

    async def egress(self, since_ns: int, most: int) -> list[EgressLine]:
        return [EGRESS] if since_ns < NOW.timestamp() * 1e9 and most else []

    async def test_link(self, destination: str) -> list[LinkResult]:
        return [LinkResult(destination=destination, address="a", ok=True, said="accepted", seconds=0.1, bytes=300)]

    async def query(self, sql: str, row_limit: int, time_limit_s: float) -> bytes:
        if sql == "bad":
            raise ValueError("only one SELECT is accepted")
        return msgspec.json.encode({"columns": ["sql"], "rows": [[sql, row_limit, time_limit_s]], "truncated": False})

    async def extract(self, request: ExtractRequest) -> AsyncGenerator[bytes | Verdict, None]:
        for piece in (b"one", b"two" * 100_000):
            yield piece
        yield Verdict(rows=request.row_limit, error="it broke" if request.sql == "bad" else "")
