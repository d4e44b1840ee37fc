"""Scoring a block without learning it: on a copy of the state, which becomes the state when the block is learned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from agent.model import Block, Score


class Copied(Protocol):
    """A state that can be copied."""

    def copy(self) -> Self:
        """Return one that changes by itself."""
        ...


S = TypeVar("S", bound=Copied)


class LooksAhead(ABC, Generic[S]):
    """A detector with all that changes in one state. Gives `score` and `learn` of the port."""

    def __init__(self, state: S) -> None:
        self._state = state
        self._ahead: tuple[Block, S] | None = None  # the block that was scored last, and the state after it

    @abstractmethod
    def _advance(self, state: S, block: Block) -> list[Score]:
        """Take a block into `state`, and return the scores that crossed."""

    def score(self, block: Block) -> list[Score]:
        """Judge a block without changing the state."""
        ahead = self._state.copy()
        scores = self._advance(ahead, block)
        self._ahead = block, ahead
        return scores

    def learn(self, block: Block) -> None:
        """Take a block into the state; the one that was just scored is not judged again."""
        if self._ahead is not None and self._ahead[0] is block:
            self._state = self._ahead[1]
        else:
            self._advance(self._state, block)
        self._ahead = None

    def _go_on_from(self, state: S) -> None:
        self._state = state
        self._ahead = None
