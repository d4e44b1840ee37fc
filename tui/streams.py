"""The list of streams, one line each; where there is none, how to attach a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.rows import Rows
from tui.spans import heading
from tui.tables import stream_header, stream_line
from tui.words import ATTACH, drift, worst_by_stream, worst_first

if TYPE_CHECKING:
    from agent.model import Finding
    from agent.status import StreamStatus
    from tui.spans import Line
    from tui.view import View


def stream_row_key(stream: StreamStatus) -> str:
    """Name a row: the same model may run in several processes."""
    return f"{stream.key}\n{stream.stream.pid}"


class Streams(Rows):
    """One line a stream, as the agent orders them."""

    DEFAULT_CSS = "Streams { max-height: 40%; min-height: 3; }"

    _streams: tuple[StreamStatus, ...] = ()
    _worst: dict[str, Finding] = {}  # noqa: RUF012  # replaced, never changed

    def keys_of(self, view: View) -> list[str]:
        """Return one key a process and model."""
        assert view.status is not None
        self._streams = worst_first(view.status.streams)
        self._worst = worst_by_stream(view.status.findings)
        return [stream_row_key(s) for s in self._streams]

    def head(self, width: int, note: str) -> list[Line]:
        """Return the rule and the column titles."""
        rule = heading("1 streams", width, note, marked=self.has_focus)
        return [rule, ((" ", "plain"), *stream_header(width - 1))] if self.keys else [rule]

    def row(self, index: int, width: int) -> Line:
        """Return one stream's line."""
        stream = self._streams[index]
        return stream_line(stream, self._worst.get(stream.key), width)

    def words(self, index: int) -> str:
        """Return state, identity and what was found."""
        stream, said = self._streams[index], self._worst.get(self._streams[index].key)
        model = stream.stream
        phrase = drift(stream, said).phrases[0]
        return f"{stream.state} {model.model} {model.version} {model.runtime} {model.sha256} {phrase}"

    def table(self) -> list[tuple[object, ...]]:
        """Return what is known of each stream in figures: latencies in seconds, shares in [0, 1]."""
        titles = (
            "model", "version", "sha256", "runtime", "provider", "pid", "state", "inferences", "errors", "lost", "rate",
            "latency_p50_s", "latency_p99_s", "confidence", "estimated_accuracy", "true_accuracy", "drift",
        )  # fmt: skip
        rows = []
        for one in (self._streams[place] for place in self.places):
            model, valid = one.stream, one.accuracy is not None and one.accuracy.valid
            rows.append((
                model.model, model.version, model.sha256, model.runtime, model.provider, model.pid, one.state,
                one.inferences, one.errors, one.lost + one.dropped, round(one.rate, 3), one.latency_p50_s,
                one.latency_p99_s, one.confidence, one.accuracy.estimate if one.accuracy and valid else None,
                one.truth.accuracy if one.truth else None, drift(one, self._worst.get(one.key)).phrases[0],
            ))  # fmt: skip
        return [titles, *rows]

    def nothing(self, width: int) -> list[Line]:  # noqa: ARG002  # the lines are short
        """Say how to attach a model."""
        if self.view is None or self.view.status is None:
            return [((" waiting for the agent; start it with: driftline agent", "plain"),)]
        first, *steps = ATTACH
        return [((f" {first}", "strong"),), *(((f" {step}", "plain"),) for step in steps)]
