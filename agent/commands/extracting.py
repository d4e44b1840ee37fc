"""Where rows for a file come from: the running agent over its socket, or the files of a stopped one.

Either way DuckDB works in a process of its own, and this one only writes what it sends: with the rights of who asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.commands.options import client
from agent.frames import Verdict
from agent.ports import AgentAwayError, AgentRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ATTEMPTS = 3


class ExtractError(Exception):
    """There is no answer; the message says why."""


class Extractor:
    """Asks the agent whose socket lies in `run`, or with `state` the files in that directory."""

    def __init__(self, run: str | None, state: str | None) -> None:
        self._run, self._state = run, state

    def extract(self, start: Callable[[], Callable[[bytes], object]], **request: Any) -> Verdict:
        """Have the answer given to what `start` returns, piece by piece; raises ExtractError.

        `start` is called once for each attempt: files that were rewritten meanwhile are read again.
        """
        for _ in range(_ATTEMPTS):
            verdict = self._once(start(), request)
            if not verdict.again:
                break
        if verdict.error:
            raise ExtractError(verdict.error)
        return verdict

    def answer(self, **request: Any) -> bytes:
        """Return a short answer whole. Raises ExtractError."""
        answer = bytearray()

        def start() -> Callable[[bytes], object]:
            answer.clear()
            return answer.extend

        self.extract(start, **request)
        return bytes(answer)

    def _once(self, take: Callable[[bytes], object], request: dict[str, Any]) -> Verdict:
        try:
            for piece in self._pieces(request):
                if isinstance(piece, Verdict):
                    return piece
                take(piece)
        except (AgentAwayError, AgentRefusedError) as error:
            raise ExtractError(str(error)) from error
        raise ExtractError("the answer was cut off")

    def _pieces(self, request: dict[str, Any]) -> Iterator[bytes | Verdict]:
        if self._state is None:
            return client(self._run).extract(**request)
        from agent.commands.offline import ask_stopped  # noqa: PLC0415  # loads duckdb

        return ask_stopped(self._state, **request)
