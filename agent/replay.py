"""What Driftline would have said on a file: the agent's own monitors and findings, fed from a table at full speed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.baselines import rhythm_words
from agent.findings import FindingBook
from agent.host_history import HostHistory
from agent.judging import judge
from agent.model import Signal, Stream
from agent.monitor import StreamMonitor
from agent.wiring import make_factories
from collectors.table import OUTPUTS, TableError
from detectors import fit_reference
from detectors.cause import CauseExplainer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agent.baselines import Evidence, SignalBaseline
    from agent.model import Block, Finding
    from agent.wiring import Config
    from collectors.table import Table

BLOCK_ROWS = 200
SETTLE_ROWS = 1_000  # so many rows after it opened, a finding's explanation has ripened


class NoStore:
    """Keeps nothing: a replay leaves no trace."""

    def save_finding(self, finding: Finding) -> None:
        """Forget it."""

    def findings(self, *, everything: bool = False) -> list[Finding]:  # noqa: ARG002  # the port's interface
        """Have none."""
        return []

    def put_state(self, stream_key: str, part: str, payload: bytes) -> None:
        """Forget it."""

    def get_state(self, stream_key: str, part: str) -> bytes | None:  # noqa: ARG002  # the port's interface
        """Have none."""
        return None

    def state_keys(self, part: str) -> list[str]:  # noqa: ARG002  # the port's interface
        """Have none."""
        return []

    def put_checkpoint(self, stream_key: str, part: str, payload: bytes) -> None:
        """Forget it."""

    def know_reference(
        self, stream_key: str, name: str, described: Sequence[SignalBaseline], evidence: Evidence = dict
    ) -> None:
        """Forget it."""

    settled = True
    wants_checkpoint = False

    def mark(self) -> bytes:
        """Be at the beginning."""
        return b""

    def rows_since(self, stream_key: str, mark: bytes) -> Iterator[Block]:  # noqa: ARG002  # the port's interface
        """Have none."""
        return iter(())

    def last_rows(self, stream_key: str, count: int, until: bytes | None = None) -> list[Block]:  # noqa: ARG002  # the port's interface
        """Have none."""
        return []


@dataclass(frozen=True, slots=True)
class Said:
    """A finding, with its rows counted as in the file."""

    finding: Finding
    row: int
    onset_row: int


def replay(
    table: Table,
    reference: Table,
    reference_rows: int,
    start: int,
    alarms_per: float,
    config: Config,
    progress: Callable[[int], None],
    note: Callable[[str], None],
) -> Iterator[Said]:
    """Judge the rows of `table` from `start` on against the first `reference_rows` of `reference`.

    Yields each finding once, when its explanation has ripened or the file ends, in the order in which they opened.
    `progress` is called with the number of rows done, `note` with each sentence about what is doubtful: the reference
    first, then a detector that did not judge. Raises TableError where the reference lacks a column.
    """
    missing = [name for name in table.names if name not in reference.names]
    if missing:
        raise TableError(f"{reference.path}: column {missing[0]} of {table.path} is not in the reference")
    if start >= table.rows:
        rest = f"leave none of its {table.rows} rows to judge; --reference N takes fewer"
        raise TableError(f"{table.path}: {start} rows of reference {rest}")
    columns = [reference.names.index(name) for name in table.names]
    names = [_described(name, table) for name in table.names]
    try:
        times = reference.times(0, reference_rows) if table.has_times else None  # a rhythm is known by both or by none
        learned = fit_reference(reference.values(0, reference_rows)[:, columns], names, time_ns=times)
    except ValueError as error:
        raise TableError(f"{reference.path}: {error}") from error
    for doubt in learned.notes:
        note(doubt)
    if rhythm := rhythm_words(learned.describe()):
        note(f"the reference {rhythm}")
    monitor = StreamMonitor(Stream(model=table.path.stem), make_factories(config), NoStore(), alarms_per)
    monitor.adopt(learned)
    book = FindingBook(CauseExplainer(), NoStore())
    host = HostHistory()  # a file knows no host
    waiting: dict[str, Finding] = {}  # opened, not yet told; in the order of opening
    told: set[str] = set()
    for block in table.blocks(learned.signals, start, BLOCK_ROWS):
        waiting |= {
            finding.id: finding
            for finding in judge(monitor, book, block, int(block.time_ns[-1]), host, table.categories)
            if finding.id not in told
        }
        ripe = [f for f in waiting.values() if f.state == "closed" or monitor.rows - f.row >= SETTLE_ROWS]
        for finding in ripe:
            told.add(finding.id)
            yield _said(waiting.pop(finding.id), start)
        progress(start + monitor.rows)
    for finding in waiting.values():
        yield _said(finding, start)
    for part in monitor.health():
        note(f"{part.name.removeprefix(monitor.key).strip()}: {part.note}")


def _said(finding: Finding, start: int) -> Said:
    return Said(finding, row=start + finding.row, onset_row=start + finding.onset_row)


def _described(name: str, table: Table) -> str | Signal:
    """Say what is known of a column; of a column of numbers, the reference finds out whether it is categorical."""
    if name == "latency":
        return Signal("latency", "runtime", "continuous", "s")
    if name in table.text_names:
        return Signal(name, "output" if name in OUTPUTS else "input", "categorical")
    return name
