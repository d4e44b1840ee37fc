"""Asking the agent over its local socket: what `status`, `findings`, `query` and the dashboard share."""

from __future__ import annotations

import os
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from driftline import wire

from agent.baselines import Baseline, BaselineChange
from agent.connection import Connection
from agent.forwarded import EgressLine, LinkResult, OutboxView
from agent.model import Finding
from agent.ports import AgentAwayError
from agent.screen import Answers, Around, LogLine, StreamView
from agent.status import EventLine, Status
from agent.truth import LabelSummary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agent.frames import Verdict
    from agent.model import Verdict as Judgement
    from agent.screen import Zoom

SOCKET_NAME = "agent.sock"
QUERY_WAIT_S = 30.0  # beyond its time limit: another query may be first, files may have to be opened again
LABEL_TIMEOUT_S = 60.0  # a search of all that is stored, on a slow card
LINK_TIMEOUT_S = 660.0  # the longest deadline of a destination, and some
SLOW_S = 60.0  # a reference of many signals is fitted anew

T = TypeVar("T")


def socket_path(run: str | None) -> Path:
    """Return where the agent's socket is: in `run`, else in the first run directory that has one."""
    directories = [run] if run else wire.run_directories()
    paths = [Path(directory) / SOCKET_NAME for directory in directories]
    return next((path for path in paths if os.path.lexists(path)), paths[0])


class _Told(Status, frozen=True, kw_only=True):
    """A status as it comes. Of thousands of findings most are as they were: they are read once."""

    findings: tuple[msgspec.Raw, ...]  # type: ignore[assignment]


class AgentClient:
    """One agent. Each call is a connection of its own, so that a restarted agent is found again.

    Parameters
    ----------
    path
        The agent's socket.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = Connection(path)
        self._ask, self._stream = self._connection.ask, self._connection.stream
        self._known: dict[int, Finding] = {}  # those of the last status by the hash of how they came

    def status(self) -> Status:
        """Return the newest status; findings that have not changed are the objects they were. Raises AgentAwayError."""
        told = _decode(self._ask("GET", "/v1/status"), _Told, self.path)
        known = {hash(bytes(raw)): raw for raw in told.findings}
        self._known = {
            key: self._known.get(key) or _decode(bytes(raw), Finding, self.path) for key, raw in known.items()
        }
        others = {name: getattr(told, name) for name in Status.__struct_fields__ if name != "findings"}
        return Status(**others, findings=tuple(self._known.values()))

    def findings(self, *, everything: bool = False) -> list[Finding]:
        """Return the findings that are not closed, or all that are stored. Raises AgentAwayError."""
        return _decode(self._ask("GET", f"/v1/findings?all={int(everything)}"), list[Finding], self.path)

    def acknowledge(self, finding_id: str, note: str) -> None:
        """Mark a finding as seen. Raises AgentAwayError, AgentRefusedError, or KeyError where it is not open."""
        self._ask("POST", _finding(finding_id, "acknowledge"), {"note": note})

    def reference(self, stream_key: str) -> bytes | None:
        """Return the stored reference of a stream, None where it has none yet. Raises AgentAwayError."""
        try:
            return self._ask("GET", _named("/v1/reference", stream_key))
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
        return _decode(self._ask("GET", _query("/v1/outbox", destination=destination)), OutboxView, self.path)

    def retry_dead(self, destination: str = "") -> int:
        """Have what was refused sent once more. Raises AgentAwayError, AgentRefusedError, KeyError."""
        answer = self._ask("POST", "/v1/outbox/retry", {"destination": destination})
        return _decode(answer, dict[str, int], self.path)["queued"]

    def egress(self, since_ns: int, most: int) -> list[EgressLine]:
        """Return what left since then, newest first. Raises AgentAwayError."""
        return _decode(
            self._ask("GET", _query("/v1/egress", since_ns=since_ns, most=most)), list[EgressLine], self.path
        )

    def test_link(self, destination: str = "") -> list[LinkResult]:
        """Have something sent to a destination, or to all. Raises AgentAwayError, AgentRefusedError, KeyError."""
        answer = self._ask("POST", "/v1/link", {"destination": destination}, timeout=LINK_TIMEOUT_S)
        return _decode(answer, list[LinkResult], self.path)

    def snooze(self, finding_id: str, seconds: float, note: str) -> None:
        """Let a finding rest for so long; 0 wakes it. Raises AgentAwayError, AgentRefusedError, KeyError."""
        self._ask("POST", _finding(finding_id, "snooze"), {"seconds": seconds, "note": note})

    def judge(self, finding_id: str, verdict: Judgement, note: str) -> None:
        """Close a finding as real or as a false alarm. Raises AgentAwayError, AgentRefusedError, KeyError."""
        self._ask("POST", _finding(finding_id, "judge"), {"verdict": verdict, "note": note})

    def stream_view(self, key: str, zoom: Zoom) -> StreamView:
        """Return a stream over a span. Raises AgentAwayError, AgentRefusedError, KeyError."""
        return _decode(self._ask("GET", _query("/v1/stream", stream=key, zoom=zoom)), StreamView, self.path)

    def around(self, finding_id: str) -> Around:
        """Return what is stored around a finding. Raises AgentAwayError, AgentRefusedError, KeyError."""
        return _decode(self._ask("GET", _finding(finding_id, "around")), Around, self.path)

    def answers(self, key: str, most: int = 200) -> Answers:
        """Return the newest recorded inferences of a stream. Raises AgentAwayError, AgentRefusedError, KeyError."""
        return _decode(self._ask("GET", _query("/v1/answers", stream=key, most=most)), Answers, self.path)

    def mark(self, stream_key: str, inference_id: str, *, right: bool) -> LabelSummary:
        """Tell that an answer was right or wrong; durable when this returns.

        Raises AgentAwayError, AgentRefusedError, or KeyError for an inference that is not recorded.
        """
        body = {"stream": stream_key, "id": inference_id, "right": right}
        return _decode(self._ask("POST", "/v1/labels/mark", body, timeout=LABEL_TIMEOUT_S), LabelSummary, self.path)

    def events(self, most: int = 1000) -> list[EventLine]:
        """Return the stored history, newest first. Raises AgentAwayError."""
        return _decode(self._ask("GET", _query("/v1/events", most=most)), list[EventLine], self.path)

    def log(self, after: int = 0) -> list[LogLine]:
        """Return the lines of the agent's log after a number, oldest first. Raises AgentAwayError."""
        return _decode(self._ask("GET", _query("/v1/log", after=after)), list[LogLine], self.path)


def _query(target: str, **values: str | int) -> str:
    return f"{target}?{urllib.parse.urlencode(values)}"


def _named(target: str, stream: str) -> str:
    return _query(target, stream=stream)


def _finding(finding_id: str, what: str) -> str:
    return f"/v1/findings/{urllib.parse.quote(finding_id, safe='')}/{what}"


def _decode(answer: bytes, kind: type[T], path: Path) -> T:
    try:
        return msgspec.json.decode(answer, type=kind)
    except msgspec.MsgspecError as error:
        raise AgentAwayError(f"the agent at {path} is of another version ({error})") from error
