"""Small stand-ins for the ports, for tests of what stands between them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from agent.baselines import Evidence, SignalBaseline
from agent.model import Block, Cause, Effect, Finding, Reading, Score, Signal, Stream
from agent.panel import Factories, Needed
from agent.ports import Case, Explanation, Item
from agent.status import BufferStatus, Repair

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from agent.steady import Step

STREAM = Stream(model="meter-reader", sha256="ab" * 32, pid=77)
SIGNALS = (Signal("brightness", "input"), Signal("prediction", "output", "categorical"), Signal("latency", "runtime"))
SECOND_NS = 1_000_000_000


def block(values: Sequence[float], start_row: int = 0, stream: Stream = STREAM, source: str = "ring-1") -> Block:
    """Ten inferences a second, `values` as brightness."""
    rows = np.arange(start_row, start_row + len(values))
    columns = [np.array(values), np.zeros(len(values)), np.full(len(values), 0.001)]
    return Block(
        stream=stream,
        signals=SIGNALS,
        time_ns=(rows * SECOND_NS // 10).astype(np.int64),
        latency_s=np.full(len(values), 0.001),
        status=np.zeros(len(values), np.uint8),
        values=np.column_stack(columns).astype(np.float32),
        source=source,
        last_seq=start_row + len(values),
    )


def _row(whole: Block, at: int) -> Block:
    one = slice(at, at + 1)
    return replace(
        whole, time_ns=whole.time_ns[one], latency_s=whole.latency_s[one], status=whole.status[one],
        values=whole.values[one],
    )  # fmt: skip


class ListCollector:
    """Hands out what it was given, one list a call; an exception in the list is raised."""

    name = "list"

    def __init__(self, *rounds: list[Item] | Exception) -> None:
        self.rounds = list(rounds)
        self.closed = False

    def collect(self) -> list[Item]:
        """Hand out the next list."""
        now = self.rounds.pop(0) if self.rounds else []
        if isinstance(now, Exception):
            raise now
        return now

    def close(self) -> None:
        """Remember it."""
        self.closed = True


class MemoryStore:
    """Keeps everything in lists."""

    def __init__(self) -> None:
        self.history: list[Finding] = []
        self.states: dict[tuple[str, str], bytes] = {}
        self.pending: list[Block] = []
        self.committed: list[Block] = []
        self.readings: list[Reading] = []
        self.repairs: tuple[Repair, ...] = ()
        self.events: list[tuple[str, str, str, int]] = []

    def save_finding(self, finding: Finding) -> None:
        """Append."""
        self.history.append(finding)

    def findings(self, *, everything: bool = False) -> list[Finding]:
        """Return the newest of each."""
        newest = {finding.id: finding for finding in self.history}
        return [f for f in newest.values() if everything or f.state != "closed"]

    def put_state(self, stream_key: str, part: str, payload: bytes) -> None:
        """Keep it."""
        self.states[stream_key, part] = payload

    def put_checkpoint(self, stream_key: str, part: str, payload: bytes) -> None:
        """Keep it."""
        self.put_state(stream_key, part, payload)

    def know_reference(
        self, stream_key: str, name: str, described: Sequence[SignalBaseline], evidence: Evidence = dict
    ) -> None:
        """Need not know."""

    wants_checkpoint = False

    def get_state(self, stream_key: str, part: str) -> bytes | None:
        """Return it."""
        return self.states.get((stream_key, part)) or None

    def state_keys(self, part: str) -> list[str]:
        """Return whose it keeps."""
        return sorted(key for (key, kept), payload in self.states.items() if kept == part and payload)

    @property
    def settled(self) -> bool:
        """Whether nothing is held."""
        return not self.pending

    def mark(self) -> bytes:
        """Count what is committed."""
        return str(len(self.committed)).encode()

    def rows_since(self, stream_key: str, mark: bytes) -> Iterator[Block]:
        """Yield what was committed since."""
        return (b for b in self.committed[int(mark or b"0") :] if b.stream.key == stream_key)

    def last_rows(self, stream_key: str, count: int, until: bytes | None = None) -> list[Block]:
        """Return the last `count` rows, a block each."""
        found: list[Block] = []
        for b in self.committed[: None if until is None else int(until or b"0")]:
            if b.stream.key == stream_key:
                found += [_row(b, at) for at in range(len(b))]
        return found[-count:]

    def append(self, blocks: Sequence[Block], readings: Sequence[Reading]) -> None:
        """Hold until the commit."""
        self.pending += blocks
        self.readings += readings

    def commit(self, *, everything: bool = True) -> None:  # noqa: ARG002  # the port's interface
        """Move what is held."""
        self.committed += self.pending
        self.pending = []

    def rebase(self, step: Step) -> None:
        """Correct the findings."""
        moved = (step.moved_finding(finding) for finding in self.findings(everything=True))
        self.history += [finding for finding in moved if finding not in self.history]

    def add_event(self, kind: str, subject: str, detail: str, *, time_ns: int | None = None, count: int = 0) -> None:  # noqa: ARG002  # undated
        """Append."""
        self.events.append((kind, subject, detail, count))

    def positions(self) -> dict[str, int]:
        """Return the last committed sequence number of each source."""
        return {b.source: b.last_seq for b in self.committed}

    def status(self) -> BufferStatus:
        """Describe it."""
        # As if it lasted: of one that does not, a finding tells.
        return BufferStatus(path="", mode="disk", bytes=0, limit_bytes=0, segments=0, rows=len(self.committed))

    def close(self) -> None:
        """Commit."""
        self.commit()


class MeanReference:
    """Knows the mean of the brightness."""

    notes: tuple[str, ...] = ()

    def __init__(self, mean: float, rows: int) -> None:
        self.mean, self.rows = mean, rows
        self.signals = SIGNALS

    def encode(self) -> bytes:
        """Return it as text."""
        return f"{self.mean} {self.rows}".encode()

    def describe(self) -> tuple[SignalBaseline, ...]:
        """Give the mean as the median."""
        return (SignalBaseline(signal=SIGNALS[0], block_rows=1, missing=0.0, quantiles=((0.5, self.mean),)),)

    @classmethod
    def decode(cls, stored: bytes) -> MeanReference:
        """Read it back. Raises ValueError."""
        mean, rows = stored.decode().split()
        return cls(float(mean), int(rows))


class MeanLearner:
    """Learns from `target` rows."""

    def __init__(self, signals: tuple[Signal, ...], target: int = 10) -> None:
        self.signals, self.target, self.rows = signals, target, 0
        self._sum = 0.0

    def add(self, block: Block) -> MeanReference | None:
        """Take a block in."""
        self.rows += len(block)
        self._sum += float(block.values[:, 0].sum())
        return MeanReference(self._sum / self.rows, self.rows) if self.rows >= self.target else None

    def rebase(self, step: Step) -> None:
        """Know no times."""

    def archive(self) -> bytes:
        """Keep what the reference needs."""
        return f"{self._sum / self.rows} {self.rows}".encode()


class FarDetector:
    """Alarms at every row whose brightness is further than 1 from the reference's mean."""

    name = "far"

    def __init__(self, reference: MeanReference, alarms_per: float) -> None:
        self.reference, self.alarms_per, self.seen = reference, alarms_per, 0

    def score(self, block: Block) -> list[Score]:
        """Judge."""
        far = np.flatnonzero(np.abs(block.values[:, 0] - self.reference.mean) > 1)
        if not len(far):
            return []
        row = self.seen + int(far[0])
        return [
            Score(
                detector=self.name,
                stream=block.stream,
                signal=SIGNALS[0],
                time_ns=int(block.time_ns[far[0]]),
                row=row,
                value=2.0,
                threshold=1.0,
                onset_row=max(row - 5, 0),
            )
        ]

    def learn(self, block: Block) -> None:
        """Count."""
        self.seen += len(block)

    def evidence(self) -> Mapping[str, float]:
        """Know nothing."""
        return {"brightness": 0.25}

    def state(self) -> bytes:
        """Return the count."""
        return str(self.seen).encode()

    def restore(self, state: bytes) -> None:
        """Go on counting. Raises ValueError."""
        self.seen = int(state)


class BrokenDetector(FarDetector):
    """Fails at the first block."""

    name = "broken"

    def score(self, block: Block) -> list[Score]:
        """Fail."""
        raise RuntimeError(f"cannot judge {len(block)} rows")


class LastRows:
    """Measures the mean of the last rows."""

    def __init__(self, reference: MeanReference) -> None:
        self._reference = reference
        self._values: list[float] = []
        self._rows: list[NDArray[np.float32]] = []

    def add(self, block: Block) -> None:
        """Keep the brightness."""
        self._values += block.values[:, 0].tolist()
        self._rows = [*self._rows, block.values][-5:]

    def sides(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Give one row of the reference's mean, and the recent ones."""
        now = np.concatenate(self._rows) if self._rows else np.zeros((0, len(SIGNALS)), np.float32)
        return np.full((1, len(SIGNALS)), self._reference.mean, np.float32), now

    def effects(self, rows: int | None = None) -> tuple[Effect, ...]:
        """Compare means."""
        if not self._values:
            return ()
        recent = self._values[-rows:] if rows else self._values
        mean = sum(recent) / len(recent)
        gap = abs(mean - self._reference.mean)
        return (
            Effect(
                signal=SIGNALS[0], psi=gap, ks=min(gap, 1.0), wasserstein=gap,
                reference_mean=self._reference.mean, recent_mean=mean, rows=len(recent),
            ),
        )  # fmt: skip


class PlainExplainer:
    """Names the signals."""

    def __init__(self) -> None:
        self.cases: list[Case] = []

    def explain(self, case: Case) -> Explanation:
        """Say which signals alarmed, and remember the case."""
        self.cases.append(case)
        names = ", ".join(sorted(score.signal.name for score in case.scores))
        return Explanation(
            kind="input_shift",
            severity="warning",
            causes=(Cause("sensor", "camera", 0.9, names),),
            sentence=f"{names} changed",
            advice="clean the lens",
        )


def fit_mean(signals: tuple[Signal, ...], blocks: Sequence[Block], _training: bytes) -> tuple[MeanReference, bytes]:
    """Learn from all blocks."""
    learner = MeanLearner(signals, 0)
    reference = None
    for taken in blocks:
        reference = learner.add(taken)
    if reference is None:
        raise ValueError("there is no row to learn from")
    return reference, learner.archive()


def factories(**detectors: tuple[type[FarDetector], float]) -> Factories:
    """Put the stand-ins together; by default with a FarDetector that has half of the budget."""
    return Factories(
        learner=MeanLearner,
        trained_learner=lambda signals, _training: MeanLearner(signals),
        decode_reference=MeanReference.decode,
        refit_reference=MeanReference.decode,
        fit=fit_mean,
        needed=Needed(10, 0.0, 100),
        recent=LastRows,
        detectors=detectors or {"far": (FarDetector, 0.5)},
    )
