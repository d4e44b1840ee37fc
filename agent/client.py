"""Asking the agent over its local socket: what `status`, `findings`, `query` and the dashboard share.

Uses http.client, since a command that only asks must not pay for loading aiohttp (210 ms of a budget of 150).
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import msgspec
from driftline import wire

from agent.baselines import Baseline, BaselineChange
from agent.forwarded import EgressLine, LinkResult, OutboxView
from agent.frames import unframe
from agent.model import Finding
from agent.ports import AgentAwayError
from agent.status import Status
from agent.truth import LabelSummary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agent.frames import Verdict

SOCKET_NAME = "agent.sock"
TIMEOUT_S = 5.0
QUERY_WAIT_S = 30.0  # beyond its time limit: another query may be first, files may have to be opened again
LABEL_TIMEOUT_S = 60.0  # a search of all that is stored, on a slow card
EXTRACT_TIMEOUT_S = 120.0  # until the next piece: a search through a year finds nothing for long
LINK_TIMEOUT_S = 660.0  # the longest deadline of a destination, and some
SLOW_S = 60.0  # a reference of many signals is fitted anew

T = TypeVar("T")


def socket_path(run: str | None) -> Path:
    """Return where the agent's socket is: in `run`, else in the first run directory that has one."""
    directories = [run] if run else wire.run_directories()
    paths = [Path(directory) / SOCKET_NAME for directory in directories]
    return next((path for path in paths if os.path.lexists(path)), paths[0])


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


class AgentRefusedError(Exception):
    """The agent answered, and said no; the message is its reason."""


class AgentClient:
    """One agent. Each call is a connection of its own, so that a restarted agent is found again.

    Parameters
    ----------
    path
        The agent's socket.

    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def status(self) -> Status:
        """Return the newest status. Raises AgentAwayError."""
        return _decode(self._ask("GET", "/v1/status"), Status, self.path)

    def findings(self, *, everything: bool = False) -> list[Finding]:
        """Return the findings that are not closed, or all that are stored. Raises AgentAwayError."""
        return _decode(self._ask("GET", f"/v1/findings?all={int(everything)}"), list[Finding], self.path)

    def acknowledge(self, finding_id: str, note: str) -> None:
        """Mark a finding as seen. Raises AgentAwayError, AgentRefusedError, or KeyError where it is not open."""
        self._ask("POST", f"/v1/findings/{finding_id}/acknowledge", {"note": note})

    def reference(self, stream_key: str) -> bytes | None:
        """Return the stored reference of a stream, None where it has none yet. Raises AgentAwayError."""
        try:
            return self._ask("GET", f"/v1/reference?{urllib.parse.urlencode({'stream': stream_key})}")
        except KeyError:
            return None

    def baselines(self, name: str = "") -> list[Baseline]:
        """Describe one reference, or all. Raises AgentAwayError, or AgentRefusedError with the streams there are."""
        return _decode(self._ask("GET", _named("/v1/baselines", name)), list[Baseline], self.path)

    def export_baseline(self, name: str) -> bytes:
        """Return a reference as a file. Raises AgentAwayError, AgentRefusedError."""
        return self._ask("GET", _named("/v1/baselines/export", name), timeout=SLOW_S)

    def accept_baseline(self, name: str, *, learn: bool) -> BaselineChange:
        """Make what is seen now the reference. Raises AgentAwayError, or AgentRefusedError for too little of it."""
        answer = self._ask("POST", _named("/v1/baselines/accept", name), {"learn": learn}, timeout=SLOW_S)
        return _decode(answer, BaselineChange, self.path)

    def reset_baseline(self, name: str) -> BaselineChange:
        """Forget a reference. Raises AgentAwayError, AgentRefusedError."""
        return _decode(self._ask("POST", _named("/v1/baselines/reset", name), {}), BaselineChange, self.path)

    def import_baseline(self, name: str, data: bytes) -> BaselineChange:
        """Give the agent a file. Raises AgentAwayError, AgentRefusedError."""
        answer = self._ask("POST", _named("/v1/baselines/import", name), data, timeout=SLOW_S)
        return _decode(answer, BaselineChange, self.path)

    def query(self, sql: str, row_limit: int, time_limit_s: float) -> dict[str, Any]:
        """Run one reading statement. Raises AgentAwayError, or AgentRefusedError with what is wrong with it."""
        body = {"sql": sql, "row_limit": row_limit, "time_limit_s": time_limit_s}
        answer = self._ask("POST", "/v1/query", body, timeout=time_limit_s + QUERY_WAIT_S)
        return _decode(answer, dict[str, Any], self.path)

    def extract(self, **request: object) -> Iterator[bytes | Verdict]:
        """Give an answer piece by piece, and last its verdict; `request` is what `agent.extract_api` takes.

        Raises AgentAwayError, also where the answer is cut off, or AgentRefusedError.
        """
        return self._stream("/v1/extract", request)

    def bundle(self, *, again: bool) -> Iterator[bytes | Verdict]:
        """Give a bundle piece by piece, and last its verdict; `again`: begin where the last one did.

        Raises AgentAwayError, also where it is cut off, or AgentRefusedError.
        """
        return self._stream("/v1/bundle", {"again": again})

    def bundle_written(self, bundle_id: str, file: str) -> None:
        """Say that a bundle is safe in a file. Raises AgentAwayError, AgentRefusedError."""
        self._ask("POST", "/v1/bundle/written", {"id": bundle_id, "file": file}, timeout=SLOW_S)

    def bundle_key(self) -> str:
        """Return the fingerprint of the key that the device signs with. Raises AgentAwayError."""
        return _decode(self._ask("GET", "/v1/bundle/key"), dict[str, str], self.path)["key"]

    def label(self, labels: Sequence[tuple[str | int, str | float, str]]) -> LabelSummary:
        """Tell the truth about some inferences: id, truth, and the model or nothing. Durable when this returns.

        Raises AgentAwayError, or AgentRefusedError with what is wrong with them.
        """
        body = {"labels": [{"id": one, "truth": truth, "model": model} for one, truth, model in labels]}
        return _decode(self._ask("POST", "/v1/labels", body, timeout=LABEL_TIMEOUT_S), LabelSummary, self.path)

    def outbox(self, destination: str = "") -> OutboxView:
        """Say what waits for a destination, or for all. Raises AgentAwayError, or KeyError for one there is not."""
        target = f"/v1/outbox?{urllib.parse.urlencode({'destination': destination})}"
        return _decode(self._ask("GET", target), OutboxView, self.path)

    def retry_dead(self, destination: str = "") -> int:
        """Have what was refused sent once more. Raises AgentAwayError, AgentRefusedError, KeyError."""
        answer = self._ask("POST", "/v1/outbox/retry", {"destination": destination})
        return _decode(answer, dict[str, int], self.path)["queued"]

    def egress(self, since_ns: int, most: int) -> list[EgressLine]:
        """Return what left since then, newest first. Raises AgentAwayError."""
        target = f"/v1/egress?{urllib.parse.urlencode({'since_ns': since_ns, 'most': most})}"
        return _decode(self._ask("GET", target), list[EgressLine], self.path)

    def test_link(self, destination: str = "") -> list[LinkResult]:
        """Have something sent to a destination, or to all. Raises AgentAwayError, AgentRefusedError, KeyError."""
        answer = self._ask("POST", "/v1/link", {"destination": destination}, timeout=LINK_TIMEOUT_S)
        return _decode(answer, list[LinkResult], self.path)

    def _ask(self, method: str, target: str, body: Any = None, timeout: float = TIMEOUT_S) -> bytes:
        with contextlib.closing(_UnixConnection(self.path, timeout)) as connection:
            try:
                response = self._request(connection, method, target, body)
                answer = response.read()
            except (OSError, http.client.HTTPException) as error:
                raise AgentAwayError(f"the agent at {self.path} does not answer ({error})") from error
        if response.status != http.HTTPStatus.OK:
            _refuse(response.status, answer)
        return answer

    def _stream(self, target: str, request: object) -> Iterator[bytes | Verdict]:
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


def _named(target: str, stream: str) -> str:
    return f"{target}?{urllib.parse.urlencode({'stream': stream})}"


def _decode(answer: bytes, kind: type[T], path: Path) -> T:
    try:
        return msgspec.json.decode(answer, type=kind)
    except msgspec.MsgspecError as error:
        raise AgentAwayError(f"the agent at {path} is of another version ({error})") from error


def _reason(answer: bytes) -> str:
    try:
        return str(msgspec.json.decode(answer)["error"])
    except (msgspec.MsgspecError, KeyError, TypeError):
        return answer[:200].decode(errors="replace")
