"""What the outbox needs of the buffer, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.buffer.outgoing.hours import Hours, Merged
from agent.buffer.outgoing.outbox import GRACE_NS
from agent.buffer.outgoing.slots import SLOT_NS
from agent.outbound import Rollup, Standing
from agent.summary import moments
from tests.agent.buffer.outgoing.summaries import MINUTE_NS, START_NS, make_numbered
from tests.exporters.windows import make_change

if TYPE_CHECKING:
    from collections.abc import Collection

    from agent.buffer.outgoing.slots import Numbered
    from agent.buffer.outgoing.stored import Sent
    from agent.outbound import DeadLetter, Egress, FindingChange, Window

CARRIED_AT_ONCE = 130


class MemoryStore:
    """Keeps what the outbox keeps, as the buffer does."""

    def __init__(self) -> None:
        self.minutes: list[Numbered] = []
        self.history: list[FindingChange] = []
        self.kept: dict[tuple[str, str], bytes] = {}
        self.lines: list[Egress] = []
        self.dead: dict[tuple[str, str], DeadLetter] = {}
        self.again: set[tuple[str, str]] = set()
        self.time_ns = START_NS
        self.gone = 0
        self.hours: list[Merged] = []
        self.rests: list[int] = []  # slots in which no model ran

    def run(self, minutes: int) -> None:
        for _ in range(minutes):
            self.minutes.append(make_numbered(len(self.minutes) + 1, (self.time_ns - START_NS) // MINUTE_NS))
            self.time_ns += MINUTE_NS

    def rest(self, minutes: int) -> None:
        end_ns = self.time_ns + minutes * MINUTE_NS
        self.rests += range(-(-self.time_ns // SLOT_NS) * SLOT_NS, end_ns, SLOT_NS)
        self.time_ns = end_ns

    def find(self, number: int, state: str = "open") -> None:
        self.history.append(make_change(number, state))

    def lose(self, number: int) -> None:
        self.gone = max(number, self.gone)

    def restart(self) -> None:
        pass

    def now_ns(self) -> int:
        return self.time_ns + GRACE_NS

    def instance(self) -> str:
        return "0f3a"

    def summaries(self, after: int, most: int) -> list[Numbered]:
        carried = [one for hour in self.hours if hour.first > after for one in hour.numbered()]
        after = max(after, self.gone, *(hour.last for hour in self.hours[-1:]))
        return [*carried, *(one for one in self.minutes if one.first > after)][: max(most, len(carried))]

    def carry_over(self, after: int, upto: int, most: int, marks: Collection[int]) -> bool:  # noqa: ARG002  # of Stored
        hours = Hours(max([after, *(hour.last for hour in self.hours)]))
        found = [one for one in self.summaries(hours.number, CARRIED_AT_ONCE) if one.last <= upto]
        over = hours.take(found, marks)
        done = len(found) < CARRIED_AT_ONCE
        if done or not over:
            over += hours.close()
        self.hours += over
        return done

    @property
    def carried_bytes(self) -> int:
        return 0

    def changes(self, after: int, most: int) -> list[FindingChange]:
        return [change for change in self.history if change.number > after][:most]

    def newest(self) -> tuple[int, int]:
        return len(self.minutes), 0

    def rollups(self, start_ns: int, end_ns: int) -> tuple[Rollup, ...]:
        return (Rollup("hw.temperature", "Cel", (), moments([50.0]), 50.0),) if end_ns > start_ns else ()

    def idle(self, start_ns: int, end_ns: int) -> list[int]:
        return [slot_ns for slot_ns in self.rests if start_ns <= slot_ns < end_ns]

    def standing(self, time_ns: int) -> tuple[Standing, ...]:
        newest = {one.finding.id: one.finding for one in self.history if one.end_ns <= time_ns}
        return tuple(
            Standing(one.stream, one.kind, one.severity, one.state, "sensor", int(one.state != "closed"), 1)
            for one in newest.values()
        )

    def completed(self, window: Window) -> Window:
        return window

    def place(self, kind: str, name: str) -> bytes | None:
        return self.kept.get((kind, name))

    def places(self, kind: str) -> list[str]:
        return [name for (one, name) in self.kept if one == kind]

    def keep(self, sent: Sent) -> None:
        for kind, name, content in sent.places:
            self.kept[kind, name] = content
            if not content:
                del self.kept[kind, name]
        self.hours = [hour for hour in self.hours if hour.last > sent.passed]
        for letter in sent.letters:
            self.dead[letter.destination, letter.parcel.id] = letter
            self.again.discard((letter.destination, letter.parcel.id))
        for settled in sent.settled:
            self.dead.pop(settled, None)
        self.lines += [sent.line] if sent.line else []

    def letters(self, destination: str | None, *, again: bool = False) -> list[DeadLetter]:
        found = [one for one in self.dead.values() if destination in {None, one.destination}]
        return [one for one in found if not again or (one.destination, one.parcel.id) in self.again]

    def send_again(self, destination: str | None) -> int:
        self.again |= {(letter.destination, letter.parcel.id) for letter in self.letters(destination)}
        return len(self.again)

    def egress(self, since_ns: int, most: int) -> list[Egress]:
        return [line for line in self.lines[::-1] if line.time_ns >= since_ns][:most]
