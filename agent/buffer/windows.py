"""Around a finding every row of its stream is stored, as far as the budgets have room for what that writes.

What has not enough room is thinned in this order: every row; a tenth of them; a tenth of those of a fifth of the time;
none. The finding itself is always stored. A window is decided on once, when it opens, and is in the journal as it was
decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agent.buffer import frames
from agent.buffer.allowance import cost_of
from agent.buffer.capture import SPENT
from agent.buffer.flight import row_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.buffer.allowance import Allowance
    from agent.buffer.capture import CaptureConfig
    from agent.buffer.flight import LastRows
    from agent.clock import Clock
    from agent.model import Block

_SECOND_NS = 1_000_000_000
SAMPLED = 10


class Form(NamedTuple):
    """What is stored around a finding: one row in `every` (0: none), of such a share of the time."""

    every: int
    share: float
    words: str


FORMS = (
    Form(1, 1.0, "every row"),
    Form(SAMPLED, 1.0, "a tenth of the rows"),
    Form(SAMPLED, 0.2, "a tenth of the rows, of a fifth of the time,"),
    Form(0, 0.0, "no row"),
)


class Opened(NamedTuple):
    """A window, what of its rows has come already, and why there are fewer than all; empty: there are not."""

    window: frames.Window
    blocks: list[Block]
    thinned: str = ""


class Windows:
    """The windows of all streams; `allowance` says what they may still write."""

    def __init__(self, config: CaptureConfig, clock: Clock, allowance: Allowance) -> None:
        self._config = config
        self._clock = clock
        self._allowance = allowance
        self._until_ns: dict[tuple[str, int], int] = {}  # by stream and how many rows one is stored of, monotonic
        self._pace: dict[str, float] = {}  # bytes a nanosecond of a stream that a window waits for
        self.unwritten = 0  # rows that there was no room for: they are left to the samples

    def decide(self, number: int, finding: str, keys: Iterable[str], last: LastRows) -> tuple[frames.Window, str]:
        """Decide what is stored of the streams `keys`, of which `last` has the newest rows; say why it is not all."""
        now, keys = self._clock.monotonic_ns(), tuple(keys)
        before_ns, after_ns = (
            round(seconds * _SECOND_NS) for seconds in (self._config.before_seconds, self._config.after_seconds)
        )
        # Streams come and go: of those that no window waits for nothing is kept.
        self._until_ns = {one: until for one, until in self._until_ns.items() if until > now}
        self._pace = {key: pace for key, pace in self._pace.items() if (key, 1) in self._until_ns}
        for key in keys:
            self._pace[key] = last.pace(key, now)
        room = self._allowance.room - self._promised(now)
        for form in FORMS:
            since, until = now - round(before_ns * form.share), now + round(after_ns * form.share)
            if not form.every:
                break
            cost = sum(self._cost(key, since, until, now, last) for key in keys) / form.every
            if cost <= room:
                break
        window = frames.Window(number, keys, since, until, finding, form.every)
        if form is FORMS[0]:
            return window, ""
        self.unwritten += sum(rows for key in keys for rows, _ in last.waiting(key, now - before_ns))
        return window, f"{form.words} is kept around finding {finding}: {SPENT}"

    def open(self, window: frames.Window) -> None:
        """Store rows from now on as a window has it."""
        for key in window.keys if window.every else ():
            until = self._until_ns.get((key, window.every), 0)
            self._until_ns[key, window.every] = max(window.until_ns, until)

    def spend(self, block: Block) -> None:
        """Hear that rows of a window are stored that had come before it."""
        self._allowance.spend(cost_of(len(block) * row_bytes(block)))

    def is_whole(self, block: Block, now_ns: int) -> bool:
        """Whether every row of a block is to be stored, and may be."""
        if now_ns >= self._until_ns.get((block.stream.key, 1), now_ns):
            return False
        cost = cost_of(len(block) * row_bytes(block))
        if cost > self._allowance.room:
            return False
        self._allowance.spend(cost)
        return True

    def every(self, block: Block, now_ns: int) -> int:
        """Of how many rows of a block one is to be stored because of a window; 0: there is none."""
        key = block.stream.key
        if not any(now_ns < self._until_ns.get((key, every), now_ns) for every in (1, SAMPLED)):
            return 0
        self.unwritten += len(block)
        return SAMPLED

    def _cost(self, key: str, since_ns: int, until_ns: int, now_ns: int, last: LastRows) -> float:
        before = sum(rows * each for rows, each in last.waiting(key, since_ns))
        begins = max(now_ns, self._until_ns.get((key, 1), now_ns))  # what comes before is promised already
        return cost_of(before + max(0, until_ns - begins) * self._pace[key])

    def _promised(self, now_ns: int) -> float:
        """Return what the windows that are open will come to write."""
        waits = ((self._pace.get(key, 0.0), until - now_ns) for (key, every), until in self._until_ns.items()
                 if every == 1)  # fmt: skip
        return cost_of(sum(pace * left for pace, left in waits if left > 0))
