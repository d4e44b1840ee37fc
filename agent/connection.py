"""One question to the agent over its local socket, and what may come of it.

Uses http.client, since a command that only asks must not pay for loading aiohttp (210 ms of a budget of 150).
"""

from __future__ import annotations

import contextlib
import http.client
import socket
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from agent.frames import unframe
from agent.ports import AgentAwayError, AgentRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.frames import Verdict

TIMEOUT_S = 5.0
EXTRACT_TIMEOUT_S = 120.0  # until the next piece: a search through a year finds nothing for long


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.sock.close()
            raise


class Connection:
    """Asks one agent. Each question is a connection of its own, so that a restarted agent is found again.

    Parameters
    ----------
    path
        The agent's socket.

    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def ask(self, method: str, target: str, body: Any = None, timeout: float = TIMEOUT_S) -> bytes:
        """Return the whole answer. Raises AgentAwayError, AgentRefusedError, or KeyError for what there is not."""
        with contextlib.closing(_UnixConnection(self.path, timeout)) as connection:
            try:
                response = self._request(connection, method, target, body)
                answer = response.read()
            except (OSError, http.client.HTTPException) as error:
                raise AgentAwayError(f"the agent at {self.path} does not answer ({error})") from error
        if response.status != http.HTTPStatus.OK:
            _refuse(response.status, answer)
        return answer

    def stream(self, target: str, request: object) -> Iterator[bytes | Verdict]:
        """Give an answer piece by piece, and last its verdict. Raises AgentAwayError, AgentRefusedError."""
        connection = _UnixConnection(self.path, EXTRACT_TIMEOUT_S)
        with contextlib.closing(connection):
            try:
                response = self._request(connection, "POST", target, request)
                if response.status != http.HTTPStatus.OK:
                    _refuse(response.status, response.read())
                yield from unframe(response.read)
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise AgentAwayError(f"the agent at {self.path} stopped answering ({error})") from error

    def _request(
        self, connection: _UnixConnection, method: str, target: str, body: Any = None
    ) -> http.client.HTTPResponse:
        payload = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        try:
            connection.request(method, target, payload, {"Content-Type": "application/json"} if payload else {})
            return connection.getresponse()
        except FileNotFoundError as error:
            raise AgentAwayError(f"no agent is running here (no socket at {self.path})") from error
        except ConnectionRefusedError as error:
            raise AgentAwayError(f"the agent has stopped (nobody listens at {self.path})") from error
        except PermissionError as error:
            raise AgentAwayError(f"{self.path}: permission denied; join the group driftline or use sudo") from error
        except (OSError, http.client.HTTPException) as error:
            raise AgentAwayError(f"the agent at {self.path} does not answer ({error})") from error


def _refuse(status: int, answer: bytes) -> NoReturn:
    reason = _reason(answer)
    if status == http.HTTPStatus.NOT_FOUND:
        raise KeyError(reason)
    if status == http.HTTPStatus.SERVICE_UNAVAILABLE:
        raise AgentAwayError(reason)
    raise AgentRefusedError(reason)


def _reason(answer: bytes) -> str:
    try:
        return str(msgspec.json.decode(answer)["error"])
    except (msgspec.MsgspecError, KeyError, TypeError):
        return answer[:200].decode(errors="replace")
