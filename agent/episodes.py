"""Episodes: which alarms belong together, when there is more to say of them, when they are over.

Alarms of one family (the data, the speed, the errors, the device) make one episode if they come soon after its first,
or concern a signal that it already has. It is over when none has come for a while and the rows since then are back at
their reference.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from msgspec import structs

from agent.host_history import NO_LOOK
from agent.model import SignalEvidence
from agent.truth import WRONG, is_error_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from agent.host_history import HostLook
    from agent.model import Effect, Finding, Reading, Score, Stream, StreamChange
    from agent.steady import Step

JOIN_ROWS = 2_000  # several times the delay between the first and the last signal of one shift
JOIN_S = 1_800  # what befalls a device within half an hour has one cause more often than two
FIRST_RIPE_ROWS = 100  # when so many rows of it are seen, the explanation is worth another look,
RIPEN_FACTOR = 3  # and again when there are so many times as many: a few times in all, however long it lasts
QUIET_ROWS = 1_000  # a plain shift that persists alarms again well within this, and so many rows show what is left;
QUIET_LABELS = 200  # or so many labels, which are dearer
QUIET_NS = 120_000_000_000  # and a person needs some time to see it
FEW_ROWS, LONG_NS = 100, 3_600_000_000_000  # where an inference is rare, what is left is looked at sooner
PERSISTS = 0.5  # an effect that is still this share of what it was is not over, whatever the alarms do
QUIET_DELAYS = 5  # where rows cannot tell: a shift that persists alarms within so many times what it took first
NOISE_KS = 0.06  # Kolmogorov-Smirnov distance of QUIET_ROWS independent rows by chance, where no band is known

EFFECT_FIELDS = (
    "psi", "ks", "wasserstein", "reference_mean", "recent_mean", "psi_noise", "ks_noise", "wasserstein_noise",
)  # fmt: skip

NOTICE = "notice"  # told by no detector, and over when it is seen
LASTING = "lasting notice"  # over when its cause is
LASTING_KINDS = {"disk", "forwarding"}
ACCURACY = "accuracy"  # alarms about the error stream of labels
FALLS = {ACCURACY, "accuracy_fall", "drift"}  # kinds of findings that these may make

Left = Literal["lasts", "over", "unsure"]


Pace = tuple[float | None, float | None]


def no_pace(_row: int) -> Pace:
    """Know no pace, before a row or since."""
    return None, None


@dataclass(frozen=True, slots=True)
class Moment:
    """What the stream's monitor knows when the book looks at it. `effects` measures the last so many rows."""

    stream: Stream
    row: int
    time_ns: int
    effects: Callable[[int], tuple[Effect, ...]]
    changes: tuple[StreamChange, ...]
    host: HostLook = NO_LOOK
    labels: bool = False  # its rows are labels, and its episodes those of the true accuracy
    pace: Callable[[int], Pace] = no_pace  # inferences a second before a row, and since; None: not known


@dataclass(slots=True)
class Episode:
    """An open finding and what is needed to carry it on."""

    finding: Finding
    family: str
    scores: dict[str, Score] = field(default_factory=dict)
    last_row: int = 0
    last_ns: int = 0
    ripe_at: int = FIRST_RIPE_ROWS  # rows since it opened
    peaks: dict[str, float] = field(default_factory=dict)  # largest KS distance beyond chance: a later look thins it
    worst: tuple[Effect, ...] = ()  # the look that showed most, with each signal that alarmed at its furthest
    host: tuple[Reading, ...] = ()  # the readings of that look

    @property
    def judged(self) -> bool:
        """Whether a person has closed its finding; it goes on unseen until it is over."""
        return self.finding.state == "closed"

    @property
    def known(self) -> bool:
        """Whether a person has said that it is real, while it goes on."""
        return self.judged and self.finding.verdict == "real"

    def take(self, score: Score) -> bool:
        """Take an alarm in; tell whether it says something new: a further signal, or a series that became worse."""
        self.last_row, self.last_ns = max(self.last_row, score.row), max(self.last_ns, score.time_ns)
        before = self.scores.get(score.signal.name)
        if before is not None and score.value <= before.value:
            return False
        self.scores[score.signal.name] = score
        return before is None or score.detector == "series"

    def rebase(self, step: Step) -> None:
        """Correct the times of this boot, after the clock was set."""
        self.finding = step.moved_finding(self.finding)
        self.last_ns = step.moved(self.last_ns)
        self.scores = {
            name: structs.replace(score, time_ns=step.moved(score.time_ns), onset_ns=step.moved(score.onset_ns))
            for name, score in self.scores.items()
        }
        self.host = tuple(structs.replace(reading, time_ns=step.moved(reading.time_ns)) for reading in self.host)

    def saw(self, effects: tuple[Effect, ...], host: tuple[Reading, ...]) -> None:
        """Remember how far the signals were at most, and the look in which those that alarmed were furthest off."""
        now, before = ({effect.signal.name: effect for effect in look} for look in (effects, self.worst))
        stronger = _reach(now, self.scores) >= _reach(before, self.scores)
        look = before | now if stronger else now | before
        for name in self.scores:
            if name in now and name in before:
                look[name] = max(now[name], before[name], key=_far)
        self.worst = tuple(look.values())
        self.host = host if stronger else self.host
        for effect in effects:
            self.peaks[effect.signal.name] = max(_beyond(effect), self.peaks.get(effect.signal.name, 0.0))

    def was_worse(self) -> bool:
        """Tell whether the finding already shows more than any look since it was stored: so after a restart."""
        return bool(self.finding.sentence) and max(
            (_beyond(signal) for signal in self.finding.signals), default=0.0
        ) > max((_beyond(effect) for effect in self.worst if effect.signal.name in self.scores), default=0.0)

    def ripened(self, row: int) -> bool:
        """Tell whether so many rows were seen since the last time that the explanation is worth another look."""
        seen = row - self.finding.row
        if seen < self.ripe_at:
            return False
        self.ripe_at = max(seen, self.ripe_at) * RIPEN_FACTOR
        return True


def is_further(effect: Effect, stored: SignalEvidence) -> bool:
    """Tell whether a signal is at least as far from its reference, beyond chance, as a finding says already."""
    return stored.ks is None or _beyond(effect) >= _beyond(stored)


def is_young(episode: Episode, score: Score) -> bool:
    """Tell whether the score comes so soon after the episode's first that they belong together."""
    if episode.finding.state != "open":  # what comes after a person has seen the finding is news of its own
        return False
    if episode.family == "device":  # which has no rows
        return abs(score.time_ns / 1e9 - episode.finding.opened.timestamp()) <= JOIN_S
    return score.row - episode.finding.row <= JOIN_ROWS


def is_quiet(episode: Episode, moment: Moment) -> bool:
    """Tell whether nothing of the episode has alarmed for so long that it is worth a look at what is left of it."""
    if _only_series(episode):  # which alarm with each point of it
        return abs(moment.time_ns - episode.last_ns) >= QUIET_NS
    # A time ahead was taken by a clock that was ahead, in an earlier boot: it says as little as one long ago.
    rows, time_ns = moment.row - episode.last_row, abs(moment.time_ns - episode.last_ns)
    if moment.labels:  # told hours later and many at once: when says nothing
        return rows >= QUIET_LABELS
    return (rows >= QUIET_ROWS and time_ns >= QUIET_NS) or (rows >= FEW_ROWS and time_ns >= LONG_NS)


def goes_on(episode: Episode, moment: Moment) -> bool:
    """Tell whether a quiet episode is not over; one that lasts is quiet no more."""
    left = _left(episode, moment)
    if left == "lasts":
        episode.last_row, episode.last_ns = moment.row, moment.time_ns
        return True
    return left == "unsure" and not _long_quiet(episode, moment)


def _only_series(episode: Episode) -> bool:
    return {signal.detector for signal in episode.finding.signals} == {"series"}


def _left(episode: Episode, moment: Moment) -> Left:
    """Say what is left of an episode in the rows since its last alarm.

    `lasts`: a signal is still half as far from its reference as it was. `over`: none is. `unsure`: chance alone might
    hide half of what it was, in so few rows, or in rows that hang together.
    """
    if _only_series(episode):
        return "over"
    now = {effect.signal.name: effect for effect in moment.effects(moment.row - episode.last_row)}
    unsure = False
    for signal in episode.finding.signals:
        effect = now.get(signal.name)
        if effect is None or signal.ks is None:
            continue
        noise = _noise(effect)
        part = PERSISTS * max(signal.ks, episode.peaks.get(signal.name, 0.0))
        if effect.ks >= max(part, noise):
            return "lasts"
        unsure |= part < noise
    return "unsure" if unsure else "over"


def _reach(look: dict[str, Effect], alarmed: Iterable[str]) -> float:
    return sum(max(0.0, _beyond(look[name])) for name in alarmed if name in look)


def _far(effect: Effect) -> tuple[float, float]:
    return _beyond(effect), effect.wasserstein


def _beyond(effect: Effect | SignalEvidence) -> float:
    """Give how much of a Kolmogorov-Smirnov distance is more than chance."""
    return (effect.ks or 0.0) - _noise(effect)


def _noise(effect: Effect | SignalEvidence) -> float:
    return NOISE_KS if effect.ks_noise is None else effect.ks_noise


def _long_quiet(episode: Episode, moment: Moment) -> bool:
    """Tell whether alarms stayed away for several times as long as the first took to come."""
    delay = episode.finding.row - episode.finding.onset_row
    return moment.row - episode.last_row >= max(QUIET_ROWS, QUIET_DELAYS * delay)


def was_worse(episode: Episode, effects: tuple[Effect, ...]) -> bool:
    """Tell whether a fall of the accuracy was described when it was larger: later labels would only thin it."""
    if episode.family != ACCURACY or not episode.finding.sentence:
        return False
    said = {signal.name: signal.recent_mean for signal in episode.finding.signals}.get(WRONG.name)
    now = {effect.signal.name: effect.recent_mean for effect in effects}.get(WRONG.name)
    return said is not None and (now is None or now < said)


def is_compared(episode: Episode) -> bool:
    """Tell whether the episode says how the rows of a stream differ from its reference.

    Exceptions and series need none; errors by labels have one of their own.
    """
    return episode.family in {"data", "latency"} and not _only_series(episode)


def family_of(score: Score) -> str:
    """Return the kind of episode that a score belongs to."""
    if score.detector == "errors":
        return "errors"
    if score.signal.role == "host":
        return "device"
    if is_error_stream(score.signal):
        return ACCURACY
    return "latency" if score.signal.role == "runtime" else "data"


def family_of_finding(finding: Finding) -> str:
    """Return the kind of episode that a stored finding was."""
    if not finding.signals:
        return LASTING if finding.kind in LASTING_KINDS else NOTICE
    if any(signal.detector == "errors" for signal in finding.signals):
        return "errors"
    if any(signal.role == "host" for signal in finding.signals):
        return "device"
    if finding.kind in FALLS and any((s.name, s.role) == (WRONG.name, WRONG.role) for s in finding.signals):
        return ACCURACY
    return "latency" if all(signal.role == "runtime" for signal in finding.signals) else "data"


def evidence_of(
    scores: Sequence[Score], effects: Sequence[Effect], before: Sequence[SignalEvidence]
) -> tuple[SignalEvidence, ...]:
    """Join what the detectors said with how large the change is, the largest effect first.

    What was known before and has no score now (an agent that was restarted) is kept, and so is what was further off.
    """
    known = {evidence.name: evidence for evidence in before}
    by_name = {effect.signal.name: effect for effect in effects}
    scored = {score.signal.name for score in scores}
    rows = [evidence for evidence in before if evidence.name not in scored]
    for score in scores:
        effect = by_name.get(score.signal.name)
        stored = known.get(score.signal.name)
        source = effect if effect and (stored is None or is_further(effect, stored)) else stored
        measured = {name: getattr(source, name) for name in EFFECT_FIELDS} if source else {}
        rows.append(
            SignalEvidence(
                name=score.signal.name,
                role=score.signal.role,
                detector=score.detector,
                value=score.value,
                threshold=score.threshold,
                **measured,
            )
        )
    return tuple(sorted(rows, key=lambda row: -(row.ks or 0.0)))
