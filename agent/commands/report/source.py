"""Where a report's data comes from: a running agent, asked over its socket, or the files of a stopped one."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from agent.commands.options import client
from agent.commands.report.stored import MOST_CARDS, NEWEST_LIFE, of_agent, of_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.buffer import Reader
    from agent.client import AgentClient
    from agent.wiring import Config
    from exporters.report.document import Keeping

QUERY_S = 60.0  # a page of rows takes milliseconds; a slow card and a week of rows may take this long


class Source(Protocol):
    """What a report asks for."""

    site: str
    device: str

    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be read so far, each in words."""
        ...

    def keeping(self) -> Keeping:
        """Return what the device keeps and writes."""
        ...

    def query(self, sql: str, row_limit: int) -> dict[str, Any]:
        """Run one reading statement: `columns`, `rows`, `truncated`. Raises ValueError or an error of the agent's."""
        ...

    def reference(self, stream_key: str) -> bytes | None:
        """Return a stream's stored reference, or None."""
        ...


class _Agent:
    def __init__(self, agent: AgentClient) -> None:
        self._agent = agent
        self._status = agent.status()
        self.site, self.device = self._status.agent.site, self._status.agent.device
        self._notes: dict[str, None] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)

    def keeping(self) -> Keeping:
        return of_agent(self._status)

    def query(self, sql: str, row_limit: int) -> dict[str, Any]:
        answer = self._agent.query(sql, row_limit, QUERY_S)
        self._notes.update(dict.fromkeys(answer.get("notes", ())))
        return answer

    def reference(self, stream_key: str) -> bytes | None:
        return self._agent.reference(stream_key)


class _Files:
    def __init__(self, reader: Reader, state: str, config: Config) -> None:
        import socket  # noqa: PLC0415

        self._reader, self._state, self._config = reader, Path(state), config.buffer
        self.site, self.device = config.site, config.device or socket.gethostname()

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._reader.notes))

    def keeping(self) -> Keeping:
        lives = (left for (left,) in self.query(NEWEST_LIFE, MOST_CARDS)["rows"])
        return of_files(self._reader, self._state, self._config, lives)

    def query(self, sql: str, row_limit: int) -> dict[str, Any]:
        from agent.commands.offline import run_query  # noqa: PLC0415  # loads duckdb

        answer: dict[str, Any] = msgspec.to_builtins(run_query(self._reader, sql, row_limit, QUERY_S))
        return answer

    def reference(self, stream_key: str) -> bytes | None:
        return self._reader.get_state(stream_key, "reference")


@contextlib.contextmanager
def opened_source(run: str | None, state: str | None, config: Config) -> Iterator[Source]:
    """Reach the agent, or open `state` where that is given. Raises AgentAwayError; ends the command on bad files."""
    if state is None:
        yield _Agent(client(run))
        return
    from agent.commands.offline import open_stopped  # noqa: PLC0415  # loads duckdb

    with open_stopped(state) as reader:
        yield _Files(reader, state, config)
