"""The records that cross layers: frozen, typed, and small. Imports nothing of ours, and numpy for types only.

Times inside the data path are `int` nanoseconds of UTC wall time; records that people and JSON see carry `datetime`
(RFC 3339 in JSON). Durations are seconds, sizes bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  # msgspec resolves the annotations at run time
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Role = Literal["input", "output", "runtime", "host"]
SignalKind = Literal["continuous", "categorical", "flag"]
Severity = Literal["info", "warning", "critical"]
FindingState = Literal["open", "acknowledged", "closed"]
CauseClass = Literal["sensor", "device", "load", "world", "model", "data"]
StreamState = Literal["waiting", "learning", "ok", "warning", "critical", "stopped"]
DeviceState = Literal["waiting", "learning", "ok", "warning", "critical"]
Verdict = Literal["real", "false alarm"]
ChangeKind = Literal["opened", "closed", "lost", "dropped", "shape", "dtype", "missing", "unreadable"]


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """What is watched: one model in one service process. Hashable.

    >>> Stream(model="meter-reader", sha256="9f86d081884c7d65").key
    'meter-reader@9f86d081884c'
    """

    model: str
    version: str = ""
    sha256: str = ""
    runtime: str = ""
    provider: str = ""
    pid: int = 0

    @property
    def key(self) -> str:
        """Name of the identity that a reference belongs to: the same model file in any number of processes."""
        tag = self.sha256[:12] or self.version
        return f"{self.model}@{tag}" if tag else self.model


DEVICE = Stream(model="this device", runtime="driftline")  # what the device's own series are findings of


class Signal(msgspec.Struct, frozen=True):
    """One column of a block: a feature, an image statistic, a model output or a measure of the run itself.

    A series of the device has the role `host`, and is in no block.
    `categorical` values are integer codes stored as floats. A `flag` is 0 in health, and counts or measures a fault.
    """

    name: str
    role: Role
    kind: SignalKind = "continuous"
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A columnar batch of inferences of one stream, in the order in which they ran.

    The arrays belong to the block: whoever receives one may keep it, nobody writes to it.
    `source` names the ring that it came from and `last_seq` the sequence number of its last record, so that a restarted
    agent knows where to go on; both are empty for data from a file.
    """

    stream: Stream
    signals: tuple[Signal, ...]
    time_ns: NDArray[np.int64]  # [n] wall time at the end of the inference
    latency_s: NDArray[np.float64]  # [n] NaN where not measured
    status: NDArray[np.uint8]  # [n] 0 is a result, 1 an exception
    values: NDArray[np.float32]  # [n, S] NaN is missing
    source: str = ""
    last_seq: int = 0
    ids: NDArray[np.uint64] | None = None  # [n] what each inference is called, as in `driftline.ids`; None: not known
    classes: tuple[str, ...] = ()  # names of the classes by number, where the model has any
    weights: NDArray[np.float32] | None = None  # [n] how many inferences each row stands for; None: itself

    def __len__(self) -> int:
        return len(self.time_ns)


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """What an inference should have said: a number, or the name of a class in `text`. `model` is empty for any."""

    id: int  # 64 bits, as in `driftline.ids`
    value: float | None = None
    text: str = ""
    model: str = ""
    time_ns: int = 0  # wall time at which it was told
    right: bool | None = None  # whether the answer was: told in place of what would have been


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels in the order in which they were told. `source`, `last_seq` as for a block; `lost` were never read."""

    labels: tuple[Label, ...]
    source: str = ""
    last_seq: int = 0
    lost: int = 0

    def __len__(self) -> int:
        return len(self.labels)


class Reading(msgspec.Struct, frozen=True):
    """One measurement of the host or of a watched process, by its OpenTelemetry name.

    A sensor that vanished has no reading; it is never 0.
    """

    name: str
    unit: str
    value: float
    time_ns: int
    labels: tuple[tuple[str, str], ...] = ()


class StreamChange(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a stream outside its values: it came, it went, records were lost, its shape changed.

    `count` is the number of records for `lost` and `dropped`.
    """

    stream: Stream
    kind: ChangeKind
    time_ns: int
    detail: str = ""
    count: int = 0
    source: str = ""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a comparison: the values of one signal, in figures. None where every value is missing.

    missing: share of rows without a finite value. middle: the median.
    """

    missing: float
    mean: float | None = None
    deviation: float | None = None
    middle: float | None = None


class Frequent(msgspec.Struct, frozen=True, kw_only=True):
    """The single value (or category) whose share changed most, and its share of all rows before and now, in [0, 1].

    name: what the category is called, where that is known.
    """

    value: float
    before: float
    now: float
    name: str = ""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """How far the recent rows of one signal are from its reference. Shown and exported, never an alarm.

    psi: population stability index on the reference's decile bins (categories for a categorical signal).
    ks: Kolmogorov-Smirnov distance in [0, 1]; total variation distance for a categorical signal.
    wasserstein: first Wasserstein distance in standard deviations of the reference.
    ks_same_mix: `ks` against the reference reweighted to the recent mix of predicted classes: what is left when a
    change of the class mix is allowed for. None where there is no `prediction` signal.
    *_noise: what stationary data with the reference's autocorrelation stays under in 95 of 100 looks; None: not known.
    *_mean: None where every value is missing (JSON has no NaN).
    rows: how many recent rows were compared.
    """

    signal: Signal
    psi: float
    ks: float
    wasserstein: float
    reference_mean: float | None
    recent_mean: float | None
    rows: int
    ks_same_mix: float | None = None
    psi_noise: float | None = None
    ks_noise: float | None = None
    wasserstein_noise: float | None = None
    ks_same_mix_noise: float | None = None
    before: Column | None = None
    now: Column | None = None
    frequent: Frequent | None = None


class AccuracyEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """How often the model's recent answers were right, as far as that can be known without their labels.

    estimate: share in [0, 1] of the last `rows` answers; low, high: band in which it lies with 95 %.
    calibrated: whether labels have shown what this model's confidence is worth; else it is taken at its word.
    valid: whether the recent rows are such that the calibration, or the word, can be carried over to them; `reason`
    says why not. An estimate that is not valid must not be shown as a figure.
    labelled: share of right answers among the labelled rows of the reference; None where there were none.
    first_row: the oldest row that it looked at, as the detector counts, or the stream in its status.
    """

    rows: int
    estimate: float
    low: float
    high: float
    calibrated: bool
    valid: bool
    reason: str = ""
    labelled: float | None = None
    first_row: int = 0


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """What one detector says of one signal at one inference. It is an alarm where `crossed` holds.

    row and onset_row count inferences from the detector's start, from 0.
    `value` and `threshold` share a scale of the detector's own, named by its docstring.
    """

    detector: str
    stream: Stream
    signal: Signal
    time_ns: int
    row: int
    value: float
    threshold: float
    onset_row: int = 0
    onset_ns: int = 0
    warming_up: bool = False
    detail: str = ""

    @property
    def crossed(self) -> bool:
        """Whether this score is an alarm."""
        return not self.warming_up and self.value >= self.threshold


class Cause(msgspec.Struct, frozen=True):
    """One possible explanation of a finding; `weight` in [0, 1], and a finding's causes sum to at most 1."""

    kind: CauseClass
    name: str
    weight: float
    evidence: str


class SignalEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a finding knows of one signal."""

    name: str
    role: Role
    detector: str
    value: float
    threshold: float
    psi: float | None = None
    ks: float | None = None
    wasserstein: float | None = None
    reference_mean: float | None = None
    recent_mean: float | None = None
    psi_noise: float | None = None
    ks_noise: float | None = None
    wasserstein_noise: float | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """An episode: open, perhaps acknowledged, then closed. A change makes a new record with the same id.

    `sentence` says what happened, `advice` what the person on site should try first.
    verdict: what a person judged it to be, None where nobody has. snoozed_until: it does not count towards the device's
    state until then.
    """

    id: str
    stream: Stream
    kind: str
    severity: Severity
    state: FindingState
    sentence: str
    advice: str
    onset: datetime
    opened: datetime
    updated: datetime
    row: int
    onset_row: int
    signals: tuple[SignalEvidence, ...]
    causes: tuple[Cause, ...]
    closed: datetime | None = None
    note: str = ""
    verdict: Verdict | None = None
    snoozed_until: datetime | None = None
