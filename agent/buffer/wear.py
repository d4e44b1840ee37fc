"""What the buffer costs the card: bytes that the agent writes in a day, bytes that come to be kept, and the thinning.

What is written is what the kernel counts for the whole process (`write_bytes` of /proc/self/io: pages that went to a
block device). A file system's own journal, and what a card writes anew within itself, come on top of it.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agent.buffer.allowance import FOLDED, Allowance, cost_of
from agent.buffer.config import MIB
from agent.buffer.spending import SLOTS, Saved
from agent.buffer.thrift import LEVELS, MOST, Spent, Thrift
from agent.clock import utc
from agent.status import WearStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.buffer.config import BufferConfig
    from agent.buffer.files import Files
    from agent.clock import Clock
    from agent.steady import Step

STATE = ("", "wear")  # under which this is kept in the core
# What a kill leaves uncounted, of the day's budget: a share that is saved every ten seconds, or at once.
_SAVE_SHARE, _SAVE_NS = 128, 10 * 10**9
_SAVE_AT_ONCE = 16
WRITTEN = "what is written"
KEPT = "what is kept"
_LEAST_BYTES = 16e6  # a day of summaries, states and readings, until it has been seen how much they are
_WINDOW_SHARE = 0.25  # of the size limit, what one window may fill
_HELD_SHARE, _MOST_HELD = 0.25, 32 * MIB  # of the budget, for windows: four of 100 inferences a second


class _State(msgspec.Struct, kw_only=True):
    """What is kept over a restart. since_ns: of the wall clock, since when the level is what it is."""

    thrift: bytes
    windows: Saved
    since_ns: int | None


class Wear:
    """Adds up what is written and kept, and says by `level` how far the recorder should be thinned.

    `windows` is what is left for rows around findings.

    Parameters
    ----------
    config, clock
        As the buffer has them.
    limit_bytes
        What rows may take: a day should fit into it.
    kept
        Bytes that were kept so far, those dropped since included; only differences count.
    written
        Begun before the buffer's files were opened.

    """

    def __init__(self, config: BufferConfig, clock: Clock, limit_bytes: int, kept: int, written: Written) -> None:
        self._clock = clock
        self._written = written
        self._kept = kept
        self._budget = config.write_mib_per_day * MIB
        self._unsaved, self._saved_ns = 0, clock.monotonic_ns()
        # Whoever asks for every row gets it, and is told where that passes a budget.
        self._thins = config.capture != "all"
        budgets = {WRITTEN: self._budget, KEPT: float(limit_bytes)}
        self._thrift = Thrift(budgets, clock.monotonic_ns(), MOST if self._thins else 0, {WRITTEN: _LEAST_BYTES})
        self._since_ns: int | None = None
        held = min(self._budget * _HELD_SHARE, _MOST_HELD) if config.capture == "flight-recorder" else 0.0
        left = functools.partial(self._thrift.room, WRITTEN)
        most = cost_of(limit_bytes * _WINDOW_SHARE)
        self.windows = Allowance(config.recorder.daily_mib * MIB, most, held, left, clock)
        self.status = self._describe()  # one record, replaced as a whole: another thread reads it

    @property
    def level(self) -> int:
        """How far the recorder is to be thinned."""
        return self._thrift.level

    @property
    def words(self) -> str:
        """What is kept at this level, and why."""
        return f"{LEVELS[self.level]}{f': {self._thrift.why}' if self._thrift.why else ''}"

    @property
    def wants_saving(self) -> bool:
        """Whether so much was written since it was last saved that a kill should not make it forgotten."""
        rested = self._clock.monotonic_ns() - self._saved_ns >= _SAVE_NS
        return self._unsaved > self._budget / (_SAVE_SHARE if rested else _SAVE_AT_ONCE)

    def look(self, kept: int, log_bytes: int) -> bool:
        """Look at what was spent since the last time, with so much in logs; return whether the level has changed."""
        count, around = self._written.take(), self.windows.settle()
        grown, self._kept = kept - self._kept, kept
        self._unsaved += count
        spent = Spent(count, FOLDED * log_bytes, around, self.windows.held) if self._written.known else Spent(0.0)
        changed = self._thrift.spend({WRITTEN: spent, KEPT: Spent(grown)}, self._clock.monotonic_ns())
        if changed:
            self._since_ns = self._clock.wall_ns()
        self.status = self._describe()
        return changed

    def rebase(self, step: Step) -> None:
        """Correct since when the level is what it is, after the clock was set."""
        self._since_ns = None if self._since_ns is None else step.moved(self._since_ns)
        self.status = self._describe()

    def save(self) -> bytes:
        """Give what is kept over a restart."""
        self._unsaved, self._saved_ns = 0, self._clock.monotonic_ns()
        thrift = self._thrift.save(self._saved_ns)
        return msgspec.msgpack.encode(_State(thrift=thrift, windows=self.windows.save(), since_ns=self._since_ns))

    def carry_on(self, stored: bytes | None, tell: Callable[[str, str], None]) -> None:
        """Go on from what an earlier agent kept; what cannot be read is told, and counted anew."""
        try:
            if stored:
                self.restore(stored)
        except ValueError as error:
            tell("wear", f"{error}; it is counted from here")

    def restore(self, stored: bytes) -> None:
        """Go on from what was kept. Raises ValueError for what another version kept."""
        try:
            state = msgspec.msgpack.decode(stored, type=_State)
        except msgspec.MsgspecError as error:
            raise ValueError(f"what was spent is not known: {error}") from error
        self._thrift.restore(state.thrift, self._clock.monotonic_ns())
        self.windows.restore(state.windows)
        self._since_ns = state.since_ns
        self.status = self._describe()

    def _describe(self) -> WearStatus:
        written = self._thrift.meters[WRITTEN].total
        return WearStatus(
            written_bytes=round(written) if self._written.known else None,
            limit_bytes=round(self._budget),
            thinning=self.level,
            level=LEVELS[self.level] if self._thins else "every row is kept",
            since=None if self._since_ns is None else utc(self._since_ns),
            why="; ".join(filter(None, (self.words if self.level else "", self._passed(written)))),
        )

    def _passed(self, written: float) -> str:
        """Say that a budget is passed, and by what."""
        if not self._thins:
            over = self._thrift.over()
            return f'{over} passes its budget: with capture = "all" rows are not thinned' if over else ""
        if written <= self._budget:
            return ""
        least = self._thrift.meters[WRITTEN].rate() * SLOTS
        alone = self.level == MOST and least > self._budget
        return "findings, states and summaries alone write more" if alone else "more was written in the last day"


class Written:
    """Counts what this process wrote since the count was begun."""

    def __init__(self) -> None:
        self._seen = bytes_written()

    @property
    def known(self) -> bool:
        """Whether the system tells."""
        return self._seen is not None

    def take(self) -> int:
        """Return how many bytes they are since the last call; none where the system does not tell."""
        before, self._seen = self._seen, bytes_written()
        return 0 if before is None or self._seen is None else max(0, self._seen - before)


def open_wear(files: Files, config: BufferConfig, clock: Clock, written: Written) -> Wear:
    """Go on counting what is spent on `files`."""
    wear = Wear(config, clock, files.segments.limit_bytes, files.segments.bytes, written)
    wear.carry_on(files.read(lambda engine: files.ledger.get_state(engine, *STATE)), files.ledger.tell)
    return wear


def stored_wear(stored: bytes, config: BufferConfig, clock: Clock) -> WearStatus:
    """Read what an agent kept when it stopped, against the budgets of `config`. Raises ValueError."""
    wear = Wear(config, clock, config.limit_bytes, 0, Written())
    wear.restore(stored)
    return wear.status


def bytes_written(proc: Path = Path("/proc")) -> int | None:
    """Return the bytes that this process had written to block devices; None where the system does not tell."""
    try:
        for line in (proc / "self" / "io").read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name == "write_bytes":
                return int(value)
    except (OSError, ValueError):
        return None
    return None
