"""What memory knows of one stream now, taken in the pipeline's thread for whoever draws it in another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from agent.model import Stream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from agent.model import Signal
    from agent.monitor import StreamMonitor
    from agent.pulse import Beat


def _no_rows() -> NDArray[np.float32]:
    return np.zeros((0, 0), np.float32)


@dataclass(frozen=True, slots=True)
class Present:
    """A stream that has run since the agent's start, and was not forgotten; without `stream` one that has not.

    beats: the last minutes, as in `agent.pulse`. before, now: rows [m, S] of its reference and the newest [n, S], of
    `signals`. predictions: how often each class was answered since the start, by number. names: of
    the classes by number, of every stream that has any, by its key.
    """

    key: str
    now_ns: int
    stream: Stream | None = None
    beats: Mapping[int, Beat] = field(default_factory=dict)
    signals: Sequence[Signal] = ()
    before: NDArray[np.float32] = field(default_factory=_no_rows)
    now: NDArray[np.float32] = field(default_factory=_no_rows)
    predictions: Sequence[tuple[str, int]] = ()
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def classes(self) -> Sequence[str]:
        """The names of its classes; empty where they are not known."""
        return self.names.get(self.key, ())

    @property
    def tag(self) -> str:
        """What tells it from other streams of the model's name, as `Stream.key` has it."""
        if self.stream is not None:
            return self.stream.sha256[:12] or self.stream.version
        return self.key.rpartition("@")[2] if "@" in self.key else ""

    @property
    def identity(self) -> Stream:
        """Who it is, as far as that is known."""
        return self.stream or Stream(model=self.model, version=self.tag)

    @property
    def model(self) -> str:
        """The model's name."""
        return self.stream.model if self.stream else self.key.rpartition("@")[0] or self.key


def present(key: str, monitor: StreamMonitor | None, names: Mapping[str, Sequence[str]], now_ns: int) -> Present:
    """Describe a stream by its monitor, `now_ns` of wall time; None where it has not run since the start."""
    if monitor is None:
        return Present(key, now_ns, names=names)
    panel = monitor.panel
    before, now = (_no_rows(), _no_rows()) if panel is None else panel.sides()
    return Present(
        key, now_ns, monitor.stream, monitor.statistics.pulse.beats(), monitor.signals if panel else (), before, now,
        monitor.statistics.predictions(), names,
    )  # fmt: skip
