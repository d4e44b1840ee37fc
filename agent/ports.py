"""The interfaces between the pipeline and everything that plugs into it. Each contract is written here, once.

Common to all ports: the pipeline calls them from one thread, one call at a time. Arrays that are passed in belong to
the callee from then on and are never written to; arrays that come out belong to the caller. A port that fails raises:
the pipeline records it as that part's health and goes on with the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from agent.baselines import SignalBaseline  # noqa: TC001  # one place for what is shown
from agent.model import (  # msgspec resolves the annotations at run time
    Block,
    Cause,
    Effect,
    Labels,
    Reading,
    Score,
    Severity,
    Signal,
    Stream,
    StreamChange,
)
from agent.row_store import RowStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from agent.model import Finding
    from agent.status import BufferStatus, Repair, Status
    from agent.steady import Step

Item = Block | Reading | StreamChange | Labels


class Collector(Protocol):
    """Where data comes from.

    `collect` returns what is new since the last call, in order of time for each stream, and never waits: nothing new
    is an empty list. Memory is bounded however long the pipeline stays away. `close` releases what is held; `collect`
    is not called after it.
    """

    name: str

    def collect(self) -> list[Item]:
        """Return what is new."""
        ...

    def close(self) -> None:
        """Release files and descriptors. May be called twice."""
        ...


class UnfitError(Exception):
    """A detector's factory has nothing to judge in this stream; the message says why, for a person."""


class Detector(Protocol):
    """What judges one stream against its reference.

    `score` first, then `learn` the same block: a block is never judged by a state that has seen it. `score` returns the
    scores that crossed in this block (at most one a signal and block), and does not change what a second `score` of the
    same block would return. `state` gives bytes from which `restore` continues as if nothing had happened; `restore`
    raises ValueError on bytes it cannot read, and then leaves the detector as it was. Blocks have the signals that the
    reference has, in its order (the pipeline sees to that); n is at least 1.

    `alarms_per` may be set at any time: at most one expected false alarm in so many inferences. A detector that stands
    outside the budget does not look at it.
    """

    name: str
    alarms_per: float

    def score(self, block: Block) -> list[Score]:
        """Judge a block."""
        ...

    def learn(self, block: Block) -> None:
        """Take the block that was just scored into the state."""
        ...

    def evidence(self) -> Mapping[str, float]:
        """Return, per signal name, the share in [0, 1] of the way to an alarm."""
        ...

    def state(self) -> bytes:
        """Return everything that a restart needs."""
        ...

    def restore(self, state: bytes) -> None:
        """Go on from `state`. Raises ValueError where it cannot be read."""
        ...


class Reference(Protocol):
    """What a stream looked like when it was learned; frozen. `notes` warn in words where it is too short."""

    @property
    def signals(self) -> tuple[Signal, ...]:
        """The columns, in the order that every block of the stream is brought to."""
        ...

    @property
    def rows(self) -> int:
        """How many inferences it was learned from."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Warnings, in words."""
        ...

    def encode(self) -> bytes:
        """Return the stored form."""
        ...

    def describe(self) -> tuple[SignalBaseline, ...]:
        """Return what people want to know of each signal."""
        ...


class Recent(Protocol):
    """The most recent rows of one stream beside its reference: how large a change is, and what explains it."""

    def add(self, block: Block) -> None:
        """Take a block in; the oldest rows leave."""
        ...

    def effects(self, rows: int | None = None) -> tuple[Effect, ...]:
        """Return one effect a signal, in the reference's order, of the last `rows` rows (None: all that are kept).

        Empty before the first row.
        """
        ...

    def sides(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return rows [m, S] of the reference, and all recent rows [n, S] that are kept."""
        ...


class Learner(Protocol):
    """Collects the rows of a stream from which its reference is made. Bounded in memory."""

    rows: int

    @property
    def target(self) -> int:
        """How many rows it is expected to take in all."""
        ...

    def add(self, block: Block) -> Reference | None:
        """Take a block in; return the reference once there is enough."""
        ...

    def rebase(self, step: Step) -> None:
        """Correct the times of the rows that this boot took, after the clock was set."""
        ...

    def archive(self) -> bytes:
        """Return the rows that were taken in, in a form from which any later version can fit its reference."""
        ...


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What is known when a finding is explained."""

    stream: Stream
    scores: tuple[Score, ...]  # those of the episode, worst first
    effects: tuple[Effect, ...]  # of all signals, when those that alarmed were furthest off
    host: tuple[Reading, ...]  # the newest of each then
    changes: tuple[StreamChange, ...]  # recent ones of this stream, newest first
    onset_ns: int = 0  # when the change is thought to have begun; 0: not known
    opened_ns: int = 0  # and when it was noticed
    host_before: tuple[Reading, ...] = ()  # what each reading usually was before the onset, where it is known
    host_since: tuple[Reading, ...] = ()  # and how high it has been since
    held: Severity | None = None  # what was said of this case before; None for a new one
    pace_before: float | None = None  # inferences a second before the onset, and since; None: not known
    pace_now: float | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A finding in words."""

    kind: str
    severity: Severity
    causes: tuple[Cause, ...]  # most likely first
    sentence: str
    advice: str


class Explainer(Protocol):
    """Turns a case into what a technician reads."""

    def explain(self, case: Case) -> Explanation:
        """Rank the causes and say what to do."""
        ...


class FindingStore(Protocol):
    """Where findings are kept, one record a change."""

    def save_finding(self, finding: Finding) -> None:
        """Append one state of a finding, durable when this returns; what the disk refuses waits, and status says so."""
        ...

    def findings(self, *, everything: bool = False) -> list[Finding]:
        """Return the newest state of every finding that is not closed, or of all, newest first."""
        ...


class StateStore(Protocol):
    """Where a part's state (a reference, a detector) is kept over a restart."""

    def put_state(self, stream_key: str, part: str, payload: bytes) -> None:
        """Keep it, in place of what was kept before; durable when this returns. Nothing (b"") is kept as nothing."""
        ...

    def get_state(self, stream_key: str, part: str) -> bytes | None:
        """Return what was kept last, or None."""
        ...

    def state_keys(self, part: str) -> list[str]:
        """Return the streams of which such a part is kept and not empty."""
        ...


class MonitorStore(StateStore, RowStore, Protocol):
    """What a stream's monitor needs of the buffer."""

    def put_checkpoint(self, stream_key: str, part: str, payload: bytes) -> None:
        """Keep a state as `put_state` does, but where a power cut may take it: what is there then is the one before."""
        ...


class Store(FindingStore, MonitorStore, Protocol):
    """The buffer, as the pipeline sees it.

    `append` keeps in memory, bounded; `commit` makes it durable and returns once it is. A full disk raises nothing
    here: rows are discarded, oldest first, counted, and shown in `status`.
    """

    def append(self, blocks: Sequence[Block], readings: Sequence[Reading]) -> None:
        """Take rows in, to be durable at the next commit."""
        ...

    def commit(self, *, everything: bool = True) -> None:
        """Make durable what was appended, or only what should not wait any longer."""
        ...

    def rebase(self, step: Step) -> None:
        """Correct the times of what this boot wrote, after the clock was set; a full disk delays it."""
        ...

    def add_event(self, kind: str, subject: str, detail: str, *, time_ns: int | None = None, count: int = 0) -> None:
        """Keep a line of the device's history, of now or of a moment, durable with the next commit."""
        ...

    def positions(self) -> dict[str, int]:
        """Return, per source, the sequence number of the last committed record."""
        ...

    @property
    def repairs(self) -> tuple[Repair, ...]:
        """What was wrong with the stored files and what was done about it, oldest first."""
        ...

    def status(self) -> BufferStatus:
        """Return the buffer's own state."""
        ...

    def close(self) -> None:
        """Commit and let go of the files."""
        ...


class AgentAwayError(Exception):
    """The agent cannot be asked; the message says why, for a person."""


class AgentRefusedError(Exception):
    """The agent answered, and said no; the message is its reason."""


class StatusSource(Protocol):
    """What the dashboard and `driftline status` ask. Each call is one question to the agent and may take a second."""

    def status(self) -> Status:
        """Return the newest status. Raises AgentAwayError."""
        ...

    def acknowledge(self, finding_id: str, note: str) -> None:
        """Mark a finding as seen. Raises AgentAwayError, or KeyError for a finding that is not open."""
        ...
