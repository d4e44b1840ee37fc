"""Decides which rows are stored: all, samples, or samples and everything around a finding. The flight recorder.

Whatever the mode, minutes are summarised. Where not every row is stored, the last ones are kept whole in memory and in
a journal on the run directory, which survives a kill: from there a restarted agent goes on as if it had not stopped.
One thread at a time.
"""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING

import numpy as np

from agent.buffer import frames
from agent.buffer.capture import unwritten_words
from agent.buffer.config import MIB
from agent.buffer.diary import Diary
from agent.buffer.flight import Entry, LastRows, pick, size_of
from agent.buffer.journal import Journal
from agent.buffer.minutes import Minutes
from agent.buffer.pending import moved_block
from agent.buffer.recollect import Seen, recollect
from agent.buffer.sampling import MINUTE_NS, Sampler
from agent.buffer.thrift import MOST
from agent.buffer.windows import Opened, Windows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from agent.baselines import Evidence, SignalBaseline
    from agent.buffer.allowance import Allowance
    from agent.buffer.config import BufferConfig
    from agent.clock import Clock
    from agent.model import Block, Finding
    from agent.steady import Step
    from agent.summary import Summary

THINNED_EVERY = 10  # at level 1 so many times fewer samples
THINNED_MINUTES = 5  # of a summary at level 3


class Recorder:
    """The recorder of one buffer.

    Parameters
    ----------
    config, clock
        As the buffer has them.
    run_dir
        Where the journal is kept; None: nowhere.
    owner
        Names the state directory in the journal.
    allowance
        Of what rows around findings write.

    """

    def __init__(
        self, config: BufferConfig, clock: Clock, run_dir: Path | None, owner: str, allowance: Allowance
    ) -> None:
        self.mode = config.capture
        self._config = config.recorder
        self._clock = clock
        self._memory_bytes = round(self._config.memory_mib * MIB) if self.mode != "all" else 0
        self._journal = Journal(run_dir if self._memory_bytes else None, self._memory_bytes, owner)
        self._last = LastRows(self._memory_bytes)
        self._last.left = self._journal.last
        self._minutes = Minutes()
        self._samplers: dict[str, Sampler] = {}
        self._learning: dict[str, int] = {}  # rows of a stream that may still be kept whole
        self._judged: set[str] = set()
        self._diary = Diary(None if self.mode == "all" else self._journal)
        self._windows = Windows(self._config, clock, allowance)
        self._seed = int.from_bytes(os.urandom(8), "little")
        self._since_mark = 0
        self.last_summary = self._window_number = 0  # the numbers of the last ones
        self.level = 0  # of thinning

    @property
    def folder(self) -> int | None:
        """A descriptor of the folder in which the journal is; None where there is none."""
        return self._journal.folder

    def thin(self, level: int) -> None:
        """Store less, in this order: 1 a tenth of the samples, 2 none, 3 summaries of five minutes, fewer answers.

        Failed inferences and rows that nobody judges go with the samples. Rows around findings stay, and those that are
        learned from: they are bounded, and a power cut would cost the learning. 0 is as configured.
        Raises ValueError for another level.
        """
        if not 0 <= level <= MOST:
            raise ValueError(f"thinning level {level}: accepted is 0 to {MOST}")
        self.level = level

    @property
    def notes(self) -> list[str]:
        """What a person should know of it."""
        return [note for note in (self._journal.note, unwritten_words(self._windows.unwritten)) if note]

    @property
    def wants_checkpoint(self) -> bool:
        """Whether so much has come since the last mark that states should be saved before it leaves the journal."""
        return self.mode != "all" and self._since_mark > self._memory_bytes // 4

    def know(self, key: str, reference: str, described: Sequence[SignalBaseline], evidence: Evidence = dict) -> None:
        """Hear what a stream is compared with; nothing described: it is being learned, and is kept whole."""
        self._minutes.know(key, reference, described, evidence)
        if described:
            self._judged.add(key)
            self._learning.pop(key, None)
        else:
            self._judged.discard(key)
            self._learning[key] = self._config.learning_rows

    def take(self, block: Block) -> tuple[Block, Block | None]:
        """Take a block in; return what of it is to be stored, perhaps no row, and the rest of it, if any."""
        self._minutes.add(block, self._span_ns)
        if self.mode == "all":
            return block, None
        now = self._clock.monotonic_ns()
        weights = self._weights(block, now)
        entry = Entry(0, now, block, weights > 0)
        self._diary.take(entry, self._sampler(block.stream.key).gap)
        self._since_mark += size_of(block)
        self._last.add(entry)
        if (weights == 1).all():
            return block, None
        rows = np.flatnonzero(weights)
        return pick(block, rows, weights[rows]), pick(block, np.flatnonzero(weights == 0))

    def summaries(self, *, last: bool = False) -> list[tuple[int, Summary]]:
        """Return the summaries of minutes that are over, numbered; with `last`, of all."""
        minutes, span_ns = self._minutes, self._span_ns
        done = minutes.close_all(span_ns) if last else minutes.close(self._clock.wall_ns(), span_ns)
        if not done:
            return []
        first = self.last_summary + 1
        self.last_summary += len(done)
        self._diary.write(frames.Closed(first, self._span_ns, tuple((one.stream.key, one.time_ns) for one in done)))
        return list(enumerate(done, first))

    def open_minutes(self, model: str) -> list[Summary]:
        """Return summaries of the minutes of a model that are not over."""
        return self._minutes.open_of(model, self._span_ns)

    def open_window(self, finding: Finding) -> Opened | None:
        """Have everything around a finding stored, or what there is room for; return the window and what has come.

        None in other modes, and for a notice of the agent about itself.
        """
        if self.mode != "flight-recorder" or not finding.signals:
            return None
        device = any(signal.role == "host" for signal in finding.signals)
        keys = sorted(self._last.keys()) if device else [finding.stream.key]
        self._window_number += 1
        window, thinned = self._windows.decide(self._window_number, finding.id, keys, self._last)
        self._diary.write(window)
        return Opened(window, self._dump(window), thinned)

    def rest(self) -> list[Block]:
        """Return the newest row of each stream, for all that no stored row stands for: the agent stops."""
        keys = tuple(key for key, sampler in self._samplers.items() if sampler.gap)
        if keys:
            self._diary.write(frames.Rested(keys))
        return self._rest(keys)

    def mark(self) -> int:
        """Say how far it has come; what came after it can be asked for."""
        self._since_mark = 0
        return self._journal.last

    def holds(self, number: int) -> bool:
        """Whether everything since a mark is still there."""
        return self._last.left <= number <= self._journal.last

    def rows_since(self, key: str, number: int) -> Iterator[Block]:
        """Yield a stream's rows after a mark."""
        return (entry.block for entry in self._last.since(key, number))

    def last_rows(self, key: str, until: int | None) -> list[Block]:
        """Return all rows of a stream that are there, whole, up to a mark."""
        return [entry.block for entry in self._last.since(key, 0, until)]

    def restore(self, positions: Mapping[str, int], last: tuple[int, int], step: Step | None) -> list[Opened]:
        """Go on with what the journal kept: everything up to the committed `positions`.

        `last` are the numbers of the last summary and window stored; `step` is by how much the clock was set since.
        Return the windows that were opened and not committed.
        """
        self.last_summary, self._window_number = last_summary, last_window = last
        found = recollect(list(self._journal.load()), positions, self._journal.last, step)
        self._last.left = found.left
        out: list[Opened] = []
        for event in found.events:
            if isinstance(event, Seen):
                self._take_back(event)
            elif isinstance(event, frames.Closed):
                stored = (minute for at, minute in enumerate(event.minutes, event.first) if at <= last_summary)
                self._minutes.drop(stored, event.span_ns)
            elif isinstance(event, frames.Rested):
                self._rest(event.keys)
            elif isinstance(event, frames.Stepped):
                self._move(event.step)
                out = [Opened(one.window, [moved_block(block, event.step) for block in one.blocks]) for one in out]
            else:
                rows = self._dump(event, again=True)
                out += [Opened(event, rows)] if event.number > last_window else []
                self._window_number = max(self._window_number, event.number)
        self._diary.go_on(found)
        return out

    def rebase(self, step: Step) -> None:
        """Correct the times of what is in memory, after the clock was set."""
        self._diary.write(frames.Stepped(step))
        self._move(step)

    def _move(self, step: Step) -> None:
        self._last.move(lambda block: moved_block(block, step))
        self._minutes.move(lambda block: moved_block(block, step), self._span_ns)

    def close(self) -> None:
        """Let go of the journal; it stays."""
        self._journal.close()

    @property
    def _span_ns(self) -> int:
        return MINUTE_NS * (THINNED_MINUTES if self.level == MOST else 1)

    def _weights(self, block: Block, now_ns: int) -> NDArray[np.float32]:
        key = block.stream.key
        sampler = self._sampler(key)
        if self._is_whole(block, now_ns):
            # What no kept row stands for yet is stood for by the first of these.
            weights = np.ones(len(block), np.float32)
            if len(block):
                weights[0] += sampler.gap
                sampler.gap = 0
            return weights
        every = self._config.sample_every
        if self.level:
            every = every * THINNED_EVERY if self.level == 1 else 0
        around = self._windows.every(block, now_ns)
        return sampler.weights(block, min(every or around, around or every))

    def _is_whole(self, block: Block, now_ns: int) -> bool:
        key = block.stream.key
        if self._windows.is_whole(block, now_ns):
            return True
        if key in self._judged:
            return False
        left = self._learning.get(key)
        if left is None:  # nobody judges it
            return not self.level
        self._learning[key] = left - len(block)
        return left > 0

    def _sampler(self, key: str) -> Sampler:
        sampler = self._samplers.get(key)
        if sampler is None:
            random = np.random.default_rng([self._seed, zlib.crc32(key.encode("utf-8", "surrogatepass"))])
            sampler = self._samplers[key] = Sampler(self._config.failed_a_minute, random)
        return sampler

    def _dump(self, window: frames.Window, *, again: bool = False) -> list[Block]:
        """Store what has come of a window's rows; `again`: what that writes was spent before."""
        self._windows.open(window)
        out: list[Block] = []
        for key in window.keys:
            if window.every == 1:
                sampler = self._sampler(key)
                found = self._last.take_out(key, window.since_ns, sampler.gap)
                if found:
                    sampler.gap = 0
            else:
                found = self._last.take_some(key, window.since_ns, window.every) if window.every else []
            for block in found if not again else ():
                self._windows.spend(block)
            out += found
        return out

    def _rest(self, keys: Sequence[str]) -> list[Block]:
        found = []
        for key in keys:
            sampler = self._sampler(key)
            if row := self._last.take_newest(key, sampler.gap):
                found.append(row)
                sampler.gap = 0
        return found

    def _take_back(self, seen: Seen) -> None:
        self._last.add(Entry(seen.number, min(seen.seen_ns, self._clock.monotonic_ns()), seen.block, seen.stored))
        self._minutes.add(seen.block, self._span_ns)
        self._sampler(seen.block.stream.key).gap = seen.gap
        self._since_mark += size_of(seen.block)
