"""What the collectors have, in the order in which the pipeline takes it in; a start with many streams in slices.

A stream that is new to the agent may have stored rows to judge again, which takes a third of a second. Where several
come at once, as after a restart, they are taken up over several ticks, so that the agent answers soon; what the others
bring meanwhile waits its turn.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from msgspec import structs

from agent.model import Block, Labels, Reading

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from agent.clock import Clock
    from agent.guarded import Guarded
    from agent.ports import Collector, Item
    from agent.steady import Step

SLICE_NS = 250_000_000  # spent on new streams in one tick, before the others wait for the next


@runtime_checkable
class Filling(Protocol):
    """A collector whose sources fill up while nobody collects. Asked between two calls of `collect`, by any thread."""

    @property
    def filling(self) -> bool:
        """Whether one of them may be full soon."""
        ...


class Intake:
    """Collects, and orders.

    Parameters
    ----------
    collectors
        Where items come from.
    guarded
        Calls them.
    clock
        Time.

    """

    def __init__(self, collectors: Sequence[Collector], guarded: Guarded, clock: Clock) -> None:
        self.collectors, self._guarded, self._clock = collectors, guarded, clock
        self._filling = [collector for collector in collectors if isinstance(collector, Filling)]
        self._waiting: list[Item] = []

    def items(self, known: Container[str]) -> Iterator[Item]:
        """Yield what there is; `known` are the keys of streams that have been taken up, and may grow meanwhile.

        Labels come last: what they are about may be among the rest.
        """
        items, self._waiting = self._waiting, []
        for collector in self.collectors:
            self._guarded(collector.name, lambda collect: items.extend(collect()), collector.collect)
        began_ns = self._clock.monotonic_ns()
        for item in sorted(items, key=lambda item: isinstance(item, Labels)):
            new = not isinstance(item, Labels | Reading) and item.stream.key not in known
            if new and self._clock.monotonic_ns() - began_ns >= SLICE_NS:
                self._waiting.append(item)
            else:
                yield item

    def rebase(self, step: Step) -> None:
        """Correct the times of what waits, after the clock was set."""
        self._waiting = [_moved(item, step) for item in self._waiting]

    @property
    def waiting(self) -> bool:
        """Whether streams wait to be taken up."""
        return bool(self._waiting)

    @property
    def filling(self) -> bool:
        """Whether the collectors should not be left alone much longer. Asked between two ticks, by any thread."""
        return any(collector.filling for collector in self._filling)

    def close(self) -> None:
        """Let the collectors go."""
        for collector in self.collectors:
            collector.close()


def _moved(item: Item, step: Step) -> Item:
    if isinstance(item, Block):
        return replace(item, time_ns=step.moved_all(item.time_ns))
    if isinstance(item, Labels):
        moved = (structs.replace(label, time_ns=step.moved(label.time_ns)) for label in item.labels)
        return replace(item, labels=tuple(moved))
    return structs.replace(item, time_ns=step.moved(item.time_ns))
