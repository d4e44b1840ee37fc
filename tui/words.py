"""What a status means in words: states, drift, severity, age of a finding. Standard library only.

Each state is a word with a tone beside it; the tone alone never carries a meaning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tui.format import between, count, local_time, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from agent.model import AccuracyEstimate, Finding
    from agent.status import SignalStatus, Status, StorageKind, StreamStatus, TruthStatus
    from tui.spans import Tone

STATE_TONES: Mapping[str, Tone] = {
    "ok": "ok",
    "learning": "learning",
    "warning": "warning",
    "critical": "critical",
    "waiting": "waiting",
    "stopped": "waiting",
    "info": "plain",
}
BLOCKS: Mapping[str, Tone] = {
    "ok": "ok-block",
    "learning": "learning-block",
    "warning": "warning-block",
    "critical": "critical-block",
}
_EVEN = 0.5
_SEVERITIES = ("critical", "warning", "info")
_NEEDY = {"critical": 0, "warning": 1}
_IDLE = {"waiting": ("no inference yet", "waiting"), "stopped": ("service is gone", "gone")}
_STORAGE: Mapping[StorageKind, str] = {
    "full": "DISK FULL",
    "read-only": "DISK READ-ONLY",
    "failing": "DISK FAILS",
    "refused": "DISK REFUSES",
}
_WATCHED = 0.5  # share of the way to an alarm from which the worst signal is named; a choice of display, no alarm

ATTACH = (
    "No model is attached yet. In the environment of your inference service:",
    "  1. pip install driftline-probe",
    '  2. import driftline; session = driftline.watch(session, model="name")',
    "  3. run it as the same user as the agent, or in the group driftline",
)


class Drift(NamedTuple):
    """The drift state of a stream: `share` for a gauge, and phrases from long to short to choose from by width."""

    share: float
    tone: Tone
    phrases: tuple[str, ...]

    def phrase(self, width: int) -> str:
        """Return the longest phrase that fits, or the shortest."""
        return next((p for p in self.phrases if len(p) <= width), self.phrases[-1])


def tone(state: str) -> Tone:
    """Return the tone of a state or severity."""
    return STATE_TONES.get(state, "plain")


def block(state: str) -> Tone:
    """Return the tone of a state's word shown as a block of colour."""
    return BLOCKS.get(state, "waiting-block")


def worst_signal(stream: StreamStatus) -> SignalStatus | None:
    """Return the signal whose evidence is nearest to its alarm."""
    return max(stream.signals, key=lambda s: s.evidence, default=None)


def drift(stream: StreamStatus, finding: Finding | None = None) -> Drift:
    """Say how the stream's input stands: learning, calm, watching a signal, or what `finding`, its worst, found."""
    if stream.state == "learning":
        rows, target = stream.reference_rows, stream.reference_target
        share = rows / target if target else 0.0
        phrases = (f"learning {count(rows)} of {count(target)}", f"{count(rows)} of {count(target)}", f"{share:.0%}")
        return Drift(share, "learning", phrases)
    worst = worst_signal(stream)
    share = worst.evidence if worst else 0.0
    if finding is not None:
        name = finding.signals[0].name if finding.signals else ""
        phrase = f"{finding.kind}: {name}" if name else finding.kind
        return Drift(max(share, _reached(finding)), tone(finding.severity), (phrase, name or phrase))
    if stream.state in _IDLE:
        return Drift(0.0, "waiting", _IDLE[stream.state])
    if worst is not None and share >= 1:
        return Drift(share, "warning", (f"shift: {worst.signal.name}",))
    if worst is not None and share >= _WATCHED:
        return Drift(share, "learning", (f"watching {worst.signal.name}", worst.signal.name))
    return Drift(share, "ok", ("calm",))


def _reached(finding: Finding) -> float:
    """Return the share of its threshold that the finding's first signal reached; its detector may have started anew."""
    first = finding.signals[0] if finding.signals else None
    return first.value / first.threshold if first and first.threshold > 0 else 0.0


def in_short(finding: Finding) -> str:
    """Say what happened, its likeliest cause first where one is likelier than not: the end may be cut off."""
    cause = finding.causes[0] if finding.causes else None
    if cause is None or cause.weight <= _EVEN:
        return finding.sentence
    return f"{cause.name}: {finding.sentence.removesuffix(f'; most likely: {cause.name}.')}"


def severity_rank(finding: Finding) -> int:
    """Return the place of a finding's severity, the worst first."""
    return _SEVERITIES.index(finding.severity)


def worst_by_stream(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Return the worst finding of each stream, by the stream's key; of equals the first."""
    worst: dict[str, Finding] = {}
    for finding in findings:
        held = worst.get(finding.stream.key)
        if held is None or severity_rank(finding) < severity_rank(held):
            worst[finding.stream.key] = finding
    return worst


def alarmed(findings: Iterable[Finding], key: str) -> frozenset[str]:
    """Return the signals that open findings of a stream name: their detectors started anew, and show that no more."""
    return frozenset(one.name for finding in findings if finding.stream.key == key for one in finding.signals)


def effect_size(signal: SignalStatus) -> float:
    """Return the size by which signals are sorted: the distance in deviations of the reference, then the evidence."""
    return signal.effect.wasserstein if signal.effect else -1.0


def worst_first(streams: Iterable[StreamStatus]) -> tuple[StreamStatus, ...]:
    """Put streams that need someone first; the others keep their order, so that they stay where they were."""
    return tuple(sorted(streams, key=lambda s: _NEEDY.get(s.state, len(_NEEDY))))


def headline(status: Status) -> str:
    """Say in one phrase what the device's state rests on; that nothing is stored comes first."""
    unseen = sum(f.state == "open" for f in status.findings)
    seen = len(status.findings) - unseen
    streams = len(status.streams)
    lost = storage_phrase(status)
    if not (streams or status.findings):
        return ", ".join(filter(None, (lost, "no model attached yet")))
    parts = [lost] if lost else []
    parts.append(f"{streams} stream{'s' * (streams != 1)}")
    if unseen:
        parts.append(f"{unseen:,} open finding{'s' * (unseen != 1)}")
    if seen:
        parts.append(f"{seen:,} seen")
    if status.known:
        parts.append(f"{len(status.known):,} closed as real, going on")
    elif not status.findings:
        parts.append("no findings")
    return ", ".join(parts)


def storage_phrase(status: Status) -> str:
    """Say that what is seen is not stored, and since when; empty while it is."""
    trouble = status.buffer.trouble
    if trouble is not None:
        what = "nothing stored" if trouble.nothing else "rows not stored"
        return f"{_STORAGE[trouble.kind]}, {what} since {local_time(trouble.since, status.time)}"
    return "nothing is kept over a restart" if status.buffer.mode == "memory" else ""


def accuracy_text(estimate: AccuracyEstimate) -> str:
    """Say the estimated accuracy, or why there is none; a figure that is void is never shown.

    >>> from agent.model import AccuracyEstimate
    >>> right = AccuracyEstimate(rows=900, estimate=0.94, low=0.91, high=0.96, calibrated=True, valid=True)
    >>> accuracy_text(right)
    'estimated accuracy 94% (91 to 96)'
    """
    if not estimate.valid:
        return f"estimated accuracy not known: {estimate.reason}"
    band = f"{100 * estimate.low:.0f} to {100 * estimate.high:.0f}"
    if not estimate.calibrated:
        return f"estimated accuracy {percent(estimate.estimate)} ({band}) by the model's own word, uncalibrated"
    return f"estimated accuracy {percent(estimate.estimate)} ({band})"


def truth_text(truth: TruthStatus, now: datetime, onset: datetime | None = None) -> str:
    """Say what labels showed, and of when: of what came since they say nothing, so least of all of a finding's time.

    >>> from datetime import UTC, datetime
    >>> from agent.status import TruthStatus
    >>> truth = TruthStatus(kind="class", labels=900, recent=500, accuracy=0.81, accuracy_low=0.77, accuracy_high=0.84)
    >>> truth_text(truth, datetime.now(UTC))
    'true accuracy 81% (77 to 84) by the last 500 of 900 labels'
    """
    said = f"by the last {truth.recent} of {plural(truth.labels, 'label')}"
    verb = ""
    if onset is not None and truth.newest is not None and truth.newest < onset:
        said, verb = f"{said}, before this began: of now labels say nothing", "was "
    elif onset is not None and truth.middle is not None and truth.middle < onset:
        said, verb = f"{said}, most for answers from before this began: of now labels say little", "was "
    elif truth.newest is not None:
        said += f", for answers until {between(truth.newest, now)} ago"
    if truth.accuracy is not None and truth.accuracy_low is not None and truth.accuracy_high is not None:
        band = f"{100 * truth.accuracy_low:.0f} to {100 * truth.accuracy_high:.0f}"
        return f"true accuracy {verb}{percent(truth.accuracy)} ({band}) {said}"
    if truth.mean_absolute_error is not None:
        return f"mean absolute error {verb}{truth.mean_absolute_error:.3g} {said}"
    return f"{plural(truth.refused, 'label')} refused: they cannot be compared with the answers"


def truth_tone(truth: TruthStatus) -> Tone:
    """Return the shade of what labels showed: a warning at the alarm."""
    return "warning" if truth.wrong_evidence >= 1 else "plain"


def accuracy_tone(estimate: AccuracyEstimate) -> Tone:
    """Choose the shade of an estimate."""
    if not estimate.valid:
        return "warning"
    return "plain" if estimate.calibrated else "quiet"
