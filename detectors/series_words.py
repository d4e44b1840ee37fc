"""What a finding about a series says: what happened, why it may be, what to try first. In a technician's words.

Where a detector of another kind has alarmed too, its explanation stands and the series are evidence beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from agent.model import Cause
from agent.ports import Explanation
from detectors.series_units import amount
from detectors.series_watched import NAME

if TYPE_CHECKING:
    from agent.model import CauseClass, Effect, Severity, Stream
    from agent.ports import Case, Explainer

KEPT = 4


class Words(NamedTuple):
    """What is said of one kind of series; `critical` is the value from which it cannot wait."""

    title: str
    kind: CauseClass
    cause: str
    advice: str
    critical: float | None = None
    gravest: Severity = "critical"


WORDS = {
    "temperature": Words(
        "temperature of {}", "device", "the device is not cooled as before, or works harder",
        "Check the fan, the vents and the room's temperature; look at what the processor is busy with.", 90.0,
    ),
    "fan": Words(
        "fan {}", "device", "the fan is worn, blocked or unplugged",
        "Look whether the fan turns; clean or replace it before the device gets too hot.", 1.0,
    ),
    "other programs": Words(
        "processor time of other programs", "load", "other programs take the processor",
        "Find the program that takes the processor (`top`) and stop or move it.",
    ),
    "processor of": Words(
        "processor time of {}", "device", "the inference service works more than before",
        "Compare its inferences a second with before: as many as ever means that each costs more; restart the service.",
    ),
    "gpu": Words(
        "accelerator load", "device", "the accelerator has more to do",
        "Look which program uses the accelerator, and whether there are more inferences than before.",
    ),
    "memory": Words(
        "memory in use", "device", "a program takes more and more memory, or a new one runs",
        "Find the program that takes the memory (`top`, then M) and restart it before memory runs out.", 0.95,
    ),
    "memory of": Words(
        "memory of {}", "device", "the inference service keeps more memory than before: perhaps a leak",
        "If it goes on rising, restart the service, and tell whoever builds it.",
    ),
    "swap": Words(
        "swap in use", "device", "the device is short of memory",
        "Find the program that takes the memory (`top`, then M) and stop it, or restart the device.", 0.9,
    ),
    "disk": Words(
        "disk in use", "device", "something fills the disk",
        "Find what grows (`du -xh / | sort -h | tail`): logs and recordings first.", 0.97,
    ),
    "open files of": Words(
        "open files of {}", "device", "the inference service opens files or connections and does not close them",
        "Restart the service before it reaches its limit, and tell whoever builds it.",
    ),
    "threads of": Words(
        "threads of {}", "device", "the inference service starts threads that do not end",
        "Restart the service, and tell whoever builds it.",
    ),
    "median latency": Words(
        "median latency", "device", "each inference takes longer",
        "Look at the device's load and temperature; if both are as ever, restart the service.",
    ),
    "throughput": Words(
        "throughput", "data", "the service is asked more or less often than before",
        "Check what asks for inferences: the camera or sensor, its trigger, the network, the schedule.",
        gravest="warning",
    ),
}  # fmt: skip
SHAPE_VERBS = {"trend": ("rises steadily", "falls steadily"), "spike": ("jumped", "dropped")}
PLAIN_VERBS = ("rose", "fell")
CRITICAL_TIMES = 5.0  # the usual latency


class SeriesExplainer:
    """Conforms to `agent.ports.Explainer`: explains findings that only series made, leaves the others to another."""

    def __init__(self, others: Explainer) -> None:
        self._others = others

    def explain(self, case: Case) -> Explanation:
        """Say what is known of the worst series, and list the others as further causes."""
        others = tuple(score for score in case.scores if score.detector != NAME)
        if others:
            return self._others.explain(msgspec.structs.replace(case, scores=others))
        effects = {effect.signal.name: effect for effect in case.effects}
        said = [
            _Said(score.signal.name, score.detail, effects.get(score.signal.name), case.stream) for score in case.scores
        ]
        said.sort(key=lambda one: (one.severity != "critical", -one.weight))
        total = sum(one.weight for one in said)
        causes = tuple(
            Cause(one.words.kind, one.words.cause, round(0.9 * one.weight / total, 3), one.evidence)
            for one in said[:KEPT]
        )
        sentence = said[0].sentence
        if len(said) > 1:
            sentence += "; also " + ", ".join(one.title for one in said[1:KEPT])
        return Explanation(
            kind=_kind(case),
            severity=said[0].severity,
            causes=causes,
            sentence=sentence[:1].upper() + sentence[1:],
            advice=said[0].words.advice,
        )


def _kind(case: Case) -> str:
    if any(score.signal.role == "host" for score in case.scores):
        return "device"
    return "slow" if any(score.signal.name == "median latency" for score in case.scores) else "throughput"


class _Said:
    """One series in words."""

    def __init__(self, name: str, shape: str, effect: Effect | None, stream: Stream) -> None:
        family = max((known for known in WORDS if name.startswith(known)), key=len)
        self.words = WORDS[family]
        owner = name.removeprefix(family).strip()
        self.title = self.words.title.format(owner or stream.model)
        self.weight = 1.0
        self.severity: Severity = "warning"
        self.evidence = self.sentence = f"{self.title} is not as usual"
        before = effect.reference_mean if effect else None
        now = effect.recent_mean if effect else None
        if effect is None or before is None or now is None:
            return
        unit = effect.signal.unit
        up = now > before
        verb = SHAPE_VERBS.get(shape, PLAIN_VERBS)[0 if up else 1]
        self.evidence = f"{amount(before, unit)} before, {amount(now, unit)} now"
        self.sentence = f"{self.title} {verb} from {amount(before, unit)} to {amount(now, unit)}"
        self.weight = min(max(effect.wasserstein, 0.1), 10.0)
        if self._cannot_wait(family, before, now, up=up):
            self.severity = self.words.gravest
        if family == "throughput" and up:
            self.severity = "info"

    def _cannot_wait(self, family: str, before: float, now: float, *, up: bool) -> bool:
        if family == "median latency":
            return now >= CRITICAL_TIMES * before
        limit = self.words.critical
        return limit is not None and (now >= limit if up else now < limit)
