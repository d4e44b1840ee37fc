"""One of river's drift detectors on each of some signals of a stream."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from agent.model import Block, Score
from detectors.packing import pack, unpack
from detectors.river.catalogue import says
from detectors.river.codec import freeze, thaw
from detectors.river.loader import DriftDetector, make_river, river_version
from detectors.river.recent import RecentValues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from agent.model import Signal
    from detectors.river.config import RiverConfig

FORMAT = 1


class RiverDetector:
    """Conforms to `agent.ports.Detector`; an alarm is where river says *drift*: `Score.value` and `threshold` are 1.

    It stands outside the alarm budget: river's own parameters decide, and `alarms_per` is not looked at. Values that
    are missing, infinite or from a call that failed are passed over. Detectors for binary data are given 1 for every
    value that is not 0. At most one score a signal and block, for the first drift; `detail` counts the others.

    Parameters
    ----------
    name
        What scores and states are called, as `river adwin`.
    config
        Which detector, with which parameters.
    watched
        The signals, each with its column in the blocks; None is the block's latency.
    fingerprint
        Of the reference, which ties a stored state to it.

    Raises
    ------
    ImportError
        Where river is not installed.

    Examples
    --------
    >>> from agent.model import Signal
    >>> from detectors.river.config import RiverConfig
    >>> heat = Signal("heat", "input")
    >>> detector = RiverDetector("river adwin", RiverConfig("adwin", ("heat",)), [(heat, 0)], fingerprint=0)
    >>> detector.name, detector.evidence()
    ('river adwin', {})
    """

    def __init__(
        self, name: str, config: RiverConfig, watched: Sequence[tuple[Signal, int | None]], fingerprint: int
    ) -> None:
        self.name = name
        self.alarms_per = math.inf
        self._config = config
        self._watched = tuple(watched)
        self._identity = {
            "river": river_version(),
            "detector": config.detector,
            "parameters": dict(sorted(config.parameters.items())),
            "signals": [signal.name for signal, _ in self._watched],
            "reference": fingerprint,
        }
        self._row = 0
        self._watches = [self._fresh() for _ in self._watched]
        self._ahead: _Ahead | None = None  # a block that was scored and is not learned yet: `_watches` have seen it

    def score(self, block: Block) -> list[Score]:
        """Judge a block. river's detectors judge by learning, so what they were before is kept until `learn`."""
        if self._ahead is not None:
            if self._ahead.block is block:
                return list(self._ahead.scores)
            self._take_back(self._ahead)
        before = [watch.items() for watch in self._watches]
        scores = []
        rows = self._row + np.arange(len(block), dtype=np.int64)
        for (signal, column), watch in zip(self._watched, self._watches, strict=True):
            values = block.latency_s if column is None else block.values[:, column].astype(np.float64)
            good = np.isfinite(values) & (block.status == 0)
            if self._config.binary:
                values = (values != 0).astype(np.float64)
            drifts = watch.feed(values[good], rows[good])
            if drifts:
                scores.append(self._score(block, signal, drifts))
        self._ahead = _Ahead(block, before, scores)
        return list(scores)

    def learn(self, block: Block) -> None:
        """Take the block that was just scored into the state."""
        if self._ahead is None or self._ahead.block is not block:
            self.score(block)
        self._ahead = None
        self._row += len(block)

    def evidence(self) -> dict[str, float]:
        """Return nothing: river's detectors say yes or no."""
        return {}

    def state(self) -> bytes:
        """Return everything that a restart needs."""
        kept = self._ahead.before if self._ahead else [watch.items() for watch in self._watches]
        items: dict[str, Any] = {"identity": self._identity, "row": self._row}
        for at, watch in enumerate(kept):
            items |= {f"{at}.{name}": item for name, item in watch.items()}
        return pack(self.name, FORMAT, items)

    def restore(self, state: bytes) -> None:
        """Go on from `state`. Raises ValueError where it cannot be read, or was made by another river or otherwise."""
        items = unpack(state, self.name, FORMAT)
        identity = items.pop("identity", None)
        row = items.pop("row", None)
        if not isinstance(identity, dict) or identity.keys() != self._identity.keys() or not isinstance(row, int):
            raise ValueError(f"stored {self.name} state has other parts than this version")
        for what, ours in self._identity.items():
            if identity[what] != ours:
                stored = f" {identity[what]}, not {ours}" if what != "reference" else ""
                raise ValueError(f"stored {self.name} state belongs to another {what}{stored}")
        parts: list[dict[str, Any]] = [{} for _ in self._watched]
        for key, item in items.items():
            at, _, field = key.partition(".")
            if not at.isdigit() or int(at) >= len(parts):
                raise ValueError(f"stored {self.name} state has other parts than this version")
            parts[int(at)][field] = item
        self._watches = [self._fresh(part) for part in parts]
        self._row = row
        self._ahead = None

    def _fresh(self, items: dict[str, Any] | None = None) -> _Watch:
        watch = _Watch(make_river(self._config.detector, self._config.parameters))
        if items is not None:
            watch.load(items)
        return watch

    def _take_back(self, ahead: _Ahead) -> None:
        """Make the detectors what they were before a block that was scored and not learned."""
        self._watches = [self._fresh(items) for items in ahead.before]
        self._ahead = None

    def _score(self, block: Block, signal: Signal, drifts: list[_Drift]) -> Score:
        first = drifts[0]
        detail = says(self._config.detector, signal.name, self._config.parameters)
        if math.isfinite(first.before):
            unit = f" {signal.unit}" if signal.unit else ""
            detail += f": {first.since:.3g}{unit}, was {first.before:.3g}{unit}"
        if len(drifts) > 1:
            detail += f", {len(drifts)} times in {len(block)} inferences"
        return Score(
            detector=self.name,
            stream=block.stream,
            signal=signal,
            time_ns=int(block.time_ns[first.row - self._row]),
            row=first.row,
            value=1.0,
            threshold=1.0,
            onset_row=first.onset_row,
            detail=detail,
        )


class _Drift(NamedTuple):
    row: int
    onset_row: int
    before: float
    since: float


class _Ahead(NamedTuple):
    block: Block
    before: list[dict[str, Any]]
    scores: list[Score]


class _Watch:
    """One of river's detectors on one signal."""

    def __init__(self, detector: DriftDetector) -> None:
        self._detector = detector
        self._recent = RecentValues()

    def feed(self, values: NDArray[np.float64], rows: NDArray[np.int64]) -> list[_Drift]:
        """Take values in; return where river says drift."""
        drifts = []
        start = 0
        detector = self._detector
        for at, value in enumerate(values.tolist()):
            detector.update(value)
            if detector.drift_detected:
                self._recent.add(values[start : at + 1], rows[start : at + 1])
                drifts.append(_Drift(int(rows[at]), *self._recent.change()))
                self._recent.forget()
                start = at + 1
        self._recent.add(values[start:], rows[start:])
        return drifts

    def items(self) -> dict[str, Any]:
        """Return what is stored."""
        return {"detector": freeze(self._detector), "values": self._recent.values, "rows": self._recent.rows}

    def load(self, items: dict[str, Any]) -> None:
        """Become what `items` were. Raises ValueError."""
        values, rows = items.get("values"), items.get("rows")
        if not isinstance(values, np.ndarray) or not isinstance(rows, np.ndarray) or values.shape != rows.shape:
            raise ValueError("stored state of river lacks the recent values")
        self._detector = thaw(items.get("detector"), self._detector)
        self._recent.values, self._recent.rows = values, rows
