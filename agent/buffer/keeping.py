"""Between the pipeline and the segments: what is to be stored, what waits for it, and what can be looked back on.

Puts together the recorder, which decides; the queue for the next commit; and the stored rows. What the pipeline asks of
rows (`agent.row_store`) is answered from the recorder's memory first.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from agent.buffer import label_schema, schema
from agent.buffer.answers import has_own_ids
from agent.buffer.checkpoints import Checkpoints
from agent.buffer.flight import pick
from agent.buffer.pending import Recorded
from agent.buffer.readings import ReadingSampler
from agent.buffer.recorder import Recorder
from agent.buffer.stored import StoredRows, decode_mark
from agent.buffer.summaries import last_numbers
from agent.buffer.thrift import MOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from agent.baselines import Evidence, SignalBaseline
    from agent.buffer.allowance import Allowance
    from agent.buffer.config import BufferConfig
    from agent.buffer.files import Files
    from agent.buffer.pending import Pending
    from agent.buffer.windows import Opened
    from agent.clock import Clock
    from agent.model import Block, Finding, Reading
    from agent.steady import Step

ANSWERED_EVERY = 10  # at the last level of thinning
OWNER = ("", "recorder")  # the state that names the state directory in the recorder's journal


class Keeping:
    """What is kept of what one buffer is given.

    Parameters
    ----------
    config, clock
        As the buffer has them.
    run_dir, owner
        Where the last minutes survive a kill, and whose they are; see `Recorder`.
    pending
        Takes what is to be stored.
    rows
        What was.
    labelled
        The models of which labels come, as they become known: of their rows the answers are kept at least.
    states
        Reads the state of a part, by stream, from the disk.
    allowance
        Of what rows around findings write.

    """

    def __init__(
        self, config: BufferConfig, clock: Clock, run_dir: Path | None, owner: str, pending: Pending, rows: StoredRows,
        labelled: set[str], states: Callable[[str, str], bytes | None], allowance: Allowance,
    ) -> None:  # fmt: skip
        self._config = config
        self._clock = clock
        self._pending = pending
        self._rows = rows
        self.recorder = Recorder(config, clock, run_dir, owner, allowance)
        self.checkpoints = Checkpoints(self.recorder.folder)
        self._states = states
        self._readings = ReadingSampler(round(config.recorder.before_seconds * 1e9))
        self._known: set[str] = set()  # findings that have had their window
        self._labelled = labelled
        self._random = np.random.default_rng()
        self._kept_ns: int | None = None  # since when something waits that is due soon, and anything at all
        self._waiting_ns: int | None = None

    def restore(
        self, positions: Mapping[str, int], last: tuple[int, int], findings: Sequence[Finding], step: Step | None
    ) -> None:
        """Go on with what an earlier agent left; `last` are the numbers of the last summary and window stored.

        `step`: by how much the clock was set since.
        """
        self._known = {finding.id for finding in findings}
        for opened in self.recorder.restore(positions, last, step):
            self._store_window(opened)

    def append(self, blocks: Sequence[Block], readings: Sequence[Reading]) -> None:
        """Take rows and readings in, and queue what is to be stored of them."""
        kept: list[Block] = []
        for block in blocks:
            _check(block)
            stored, rest = self.recorder.take(block)
            kept.append(stored)
            if rest is not None and len(rest) and self._wants_answers(block):
                self._pending.add_recorded(Recorded(answers=self._answers(rest)))
        chosen = list(readings)
        if self.recorder.mode != "all":
            chosen = self._readings.take(readings, self._clock.monotonic_ns())
        self._pending.add(kept, chosen)
        if summaries := self.recorder.summaries():
            self._pending.add_recorded(Recorded(summaries=tuple(summaries)))
        if kept or chosen:
            self._note(kept=self.recorder.mode == "all" or any(len(block) for block in kept))

    def due(self) -> bool:
        """Whether what waits should be committed now: kept rows after `commit_seconds`, anything else after a while."""
        now = self._clock.monotonic_ns()
        if self._kept_ns is not None and now - self._kept_ns >= self._config.commit_seconds * 1e9:
            return True
        quiet = self._config.recorder.quiet_seconds * 1e9
        return self._waiting_ns is not None and now - self._waiting_ns >= quiet

    def committed(self) -> None:
        """Hear that nothing waits any more."""
        self._kept_ns = self._waiting_ns = None

    def finish(self) -> None:
        """Queue what waits for more to come, the summaries of open minutes too: the buffer is closed."""
        self._pending.add(self.recorder.rest(), [])
        if summaries := self.recorder.summaries(last=True):
            self._pending.add_recorded(Recorded(summaries=tuple(summaries)))

    def found(self, finding: Finding) -> str:
        """Have what is around a new finding stored; say what is not, for want of budget."""
        if finding.id in self._known or finding.state != "open":
            return ""
        opened = self.recorder.open_window(finding)
        if opened is None:
            return ""
        self._known.add(finding.id)
        self._store_window(opened)
        return opened.thinned

    def pass_over(self, findings: Sequence[Finding]) -> None:
        """Have nothing stored that is around some findings."""
        self._known |= {finding.id for finding in findings}

    def _store_window(self, opened: Opened) -> None:
        window, blocks, _ = opened
        now = self._clock.monotonic_ns()
        whole = window.every == 1
        # A window is told as the span in which every row is stored.
        span = (window.since_ns, window.until_ns) if whole else (now, now)
        moments = self._clock.walls_ns(np.array([now, *span], np.int64)).tolist()
        self._pending.add(blocks, self._readings.open_window(window.until_ns) if whole else [])
        self._pending.add_recorded(Recorded(window=(window.number, *moments, window.finding)))
        self._note(kept=True)

    def put_checkpoint(self, key: str, part: str, payload: bytes) -> bool:
        """Keep a state beside the journal; False where there is no such place."""
        return self.checkpoints.put(key, part, payload, self._states(key, part))

    def get_state(self, key: str, part: str) -> bytes | None:
        """Return the newest state of a part, wherever it is."""
        stored = self._states(key, part)
        newer = self.checkpoints.get(key, part, stored)
        return stored if newer is None else newer

    def know(self, key: str, reference: str, described: Sequence[SignalBaseline], evidence: Evidence) -> None:
        """Hear what a stream is compared with, and what tells how far it is on the way to an alarm."""
        self.recorder.know(key, reference, described, evidence)

    def mark(self) -> bytes:
        """Say how far the rows have come."""
        written = self._rows.mark()
        if self.recorder.mode != "all":
            written = msgspec.structs.replace(written, frame=self.recorder.mark(), summary=self.recorder.last_summary)
        return msgspec.msgpack.encode(written)

    def rows_since(self, key: str, mark: bytes) -> Iterator[Block]:
        """Yield a stream's rows since a mark. Raises OSError where not all of them are there any more."""
        after = decode_mark(mark)
        if after.frame and self.recorder.holds(after.frame):
            yield from self.recorder.rows_since(key, after.frame)
            return
        stored = 0
        for block in self._rows.since(key, after):
            if block.weights is not None:
                raise OSError("of the rows since the last saved state only samples are there")
            stored += len(block)
            yield block
        if after.summary >= 0 and (missing := self._rows.summarised(key, after.summary) - stored) > 0:
            raise OSError(f"{missing} rows at least since the last saved state were not kept")

    def last_rows(self, key: str, count: int, until: bytes | None) -> list[Block]:
        """Return the newest `count` rows of a stream that are there without a gap, or of those up to a mark.

        Samples are not among them: they do not show how rows hang together.
        """
        before = None if until is None else decode_mark(until)
        if self.recorder.mode == "all" or (before and not self.recorder.holds(before.frame)):
            return _whole(self._rows.last(key, count, before))
        here = self.recorder.last_rows(key, before.frame if before else None)
        if sum(map(len, here)) < count:
            stored = self._rows.last(key, count, before)
            if here and len(here[0]):
                first = int(here[0].time_ns[0])
                stored = [pick(block, np.flatnonzero(block.time_ns < first)) for block in stored]
            here = _whole([block for block in stored if len(block)]) + here
        surplus = sum(map(len, here)) - count
        while surplus > 0:
            oldest = here.pop(0)
            if len(oldest) > surplus:
                here.insert(0, pick(oldest, slice(surplus, None)))
            surplus -= len(oldest)
        return here

    def close(self) -> None:
        """Let go of the journal."""
        self.recorder.close()

    def _answers(self, rest: Block) -> Block:
        """Return the rows whose answers are kept: all, but at the last level of thinning a random tenth of them."""
        if self.recorder.level < MOST:
            return rest
        return pick(rest, np.flatnonzero(self._random.random(len(rest)) * ANSWERED_EVERY < 1))

    def _wants_answers(self, block: Block) -> bool:
        return block.stream.model in self._labelled or has_own_ids(block)

    def _note(self, *, kept: bool) -> None:
        now = self._clock.monotonic_ns()
        self._waiting_ns = now if self._waiting_ns is None else self._waiting_ns
        if kept and self._kept_ns is None:
            self._kept_ns = now


def resume(
    files: Files, config: BufferConfig, clock: Clock, run_dir: Path | None, pending: Pending, labelled: set[str],
    step: Step | None, allowance: Allowance,
) -> Keeping:  # fmt: skip
    """Go on with what an earlier agent left in the run directory; `step`: by how much the clock was set since."""

    def states(key: str, part: str) -> bytes | None:
        return files.read_core(lambda engine: files.ledger.get_state(engine, key, part))

    owner = states(*OWNER)
    if owner is None:
        owner = os.urandom(16).hex().encode()
        files.ledger.put_state(*OWNER, owner)
        files.flush()
    known = [segment.alias for segment in files.segments.opened if segment.has(schema.LABELS)]
    for sql in [label_schema.READ_LABELLED.format(db=alias) for alias in known]:
        labelled.update(model for (model,) in files.read(lambda engine, sql=sql: engine.run(sql)))  # type: ignore[misc]
    last = files.read(lambda engine: last_numbers(engine, files.segments.opened))
    findings = files.read(lambda engine: files.ledger.findings(engine, everything=False))
    keeping = Keeping(
        config, clock, run_dir, owner.decode("ascii", "replace"), pending, StoredRows(files), labelled, states,
        allowance,
    )  # fmt: skip
    try:
        keeping.restore(files.segments.positions(), last, findings, step)
    except BaseException:
        keeping.close()
        raise
    return keeping


def _whole(blocks: list[Block]) -> list[Block]:
    """Return the newest of some blocks up to where only samples are."""
    out: list[Block] = []
    for block in reversed(blocks):
        gaps = np.flatnonzero(block.weights != 1) if block.weights is not None else np.zeros(0, np.intp)
        whole = pick(replace(block, weights=None), slice(int(gaps[-1]) + 1 if len(gaps) else 0, None))
        if len(whole):
            out.append(whole)
        if len(gaps):
            break
    return out[::-1]


def _check(block: Block) -> None:
    """Raise ValueError for a block whose arrays do not fit together."""
    count = len(block)
    if block.values.shape != (count, len(block.signals)) or not len(block.latency_s) == len(block.status) == count:
        raise ValueError(f"a block of {block.stream.key} has arrays of different lengths")
