"""The findings that are open: one for each episode (`agent.episodes`), however many signals take part.

A finding is explained when it opens, and again as evidence ripens, by the worst that was seen: what fades does not take
back what happened. Every change is stored at once, as a new record.
"""

from __future__ import annotations

import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from agent.clock import utc
from agent.episodes import (
    ACCURACY,
    LASTING,
    NOTICE,
    Episode,
    evidence_of,
    family_of,
    family_of_finding,
    goes_on,
    is_compared,
    is_quiet,
    is_young,
    was_worse,
)
from agent.model import Finding
from agent.ports import Case
from agent.verdicts import SEVERITY_RANK, held_severity, is_worse, judged, not_before, snoozed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.episodes import Moment
    from agent.model import Cause, Score, Severity, Stream, Verdict
    from agent.ports import Explainer, FindingStore
    from agent.steady import Step

NOTICES = 5


class FindingBook:
    """The open findings of all streams.

    Parameters
    ----------
    explainer
        Puts a case into words.
    store
        Keeps each state of each finding; its open findings are carried on after a restart.

    """

    def __init__(self, explainer: Explainer, store: FindingStore) -> None:
        self._explainer = explainer
        self._store = store
        self.stored = 0  # states of findings, since the start
        self.judged: Counter[Verdict] = Counter()  # how often each was said, since the start
        self._episodes: dict[str, Episode] = {
            finding.id: Episode(finding, family_of_finding(finding)) for finding in store.findings()
        }

    def open_findings(self) -> tuple[Finding, ...]:
        """Return open and acknowledged findings, worst first, then newest first."""
        findings = (episode.finding for episode in self._episodes.values() if not episode.judged)
        return tuple(sorted(findings, key=lambda f: (SEVERITY_RANK[f.severity], -f.opened.timestamp())))

    def known(self) -> tuple[Finding, ...]:
        """Return what a person has closed as real although it goes on."""
        return tuple(episode.finding for episode in self._episodes.values() if episode.known)

    def rebase(self, step: Step) -> None:
        """Correct the times of this boot, after the clock was set; the store corrects what it keeps."""
        for episode in self._episodes.values():
            episode.rebase(step)

    def resume(self, stream: Stream, row: int, time_ns: int, *, labels: bool = False) -> None:
        """Count the quiet time of a stream's carried-over findings from here; `labels`: of those that count labels."""
        for episode in self._of(stream, labels=labels):
            if episode.last_ns == 0:
                episode.last_row, episode.last_ns = row, time_ns

    def update(self, moment: Moment, scores: Sequence[Score]) -> list[Finding]:
        """Take a block's alarms in; return the findings that opened or changed, or were known and are over."""
        grown: set[str] = set()
        for score in scores:
            episode = self._episode_for(moment, score)
            if episode.take(score):
                grown.add(episode.finding.id)
        changed = []
        for episode in self._of(moment.stream, labels=moment.labels):
            quiet = is_quiet(episode, moment)
            if episode.judged:  # what it was is absorbed until it is over
                if quiet and not goes_on(episode, moment):
                    del self._episodes[episode.finding.id]
                    changed += [episode.finding] if episode.known else []
                continue
            ripe = not quiet and episode.ripened(moment.row)  # rows from after its end would only thin it
            if (episode.finding.id in grown or ripe) and episode.scores and self._explain(episode, moment):
                changed.append(episode.finding)
            if quiet and not goes_on(episode, moment):
                changed.append(self._close(episode, moment.time_ns))
        return changed

    def raise_notice(
        self, stream: Stream, kind: str, severity: Severity, sentence: str, advice: str, cause: Cause, *, time_ns: int
    ) -> Finding:
        """Open a finding that no detector made: about the agent, its buffer, a ring. At most NOTICES of a kind."""
        same = [episode.finding for episode in self._episodes.values() if episode.finding.kind == kind]
        for finding in same:
            if finding.sentence == sentence:
                return finding
        if len(same) >= NOTICES:  # the history has each; a thousand findings would hide the others
            return same[-1]
        return self._open_notice(stream, kind, severity, sentence, advice, cause, time_ns)

    def hold_notice(
        self, stream: Stream, kind: str, severity: Severity, sentence: str, advice: str, cause: Cause, *, time_ns: int
    ) -> list[Finding]:
        """Keep one finding of a kind of LASTING_KINDS and a cause's name open until `end_notice`; return it if new."""
        held = self._notices(kind, cause.name)
        if held and held[0].judged and is_worse(severity, held[0].finding):
            del self._episodes[held.pop().finding.id]
        if not held:
            return [self._open_notice(stream, kind, severity, sentence, advice, cause, time_ns)]
        finding = held[0].finding
        if held[0].judged or (finding.severity, finding.sentence, finding.advice) == (severity, sentence, advice):
            return []
        changes = {"severity": severity, "sentence": sentence, "advice": advice, "causes": (cause,)}
        return [self._replace(held[0], time_ns, **changes)]

    def end_notice(self, kind: str, name: str, note: str, *, time_ns: int) -> list[Finding]:
        """End what `hold_notice` holds; return what was open, or known."""
        return self._close_all(self._notices(kind, name), note, time_ns)

    def _notices(self, kind: str, name: str) -> list[Episode]:
        held = (episode for episode in self._episodes.values() if episode.finding.kind == kind)
        return [episode for episode in held if [cause.name for cause in episode.finding.causes] == [name]]

    def _open_notice(
        self, stream: Stream, kind: str, severity: Severity, sentence: str, advice: str, cause: Cause, time_ns: int
    ) -> Finding:
        now = utc(time_ns)
        finding = Finding(
            id=_new_id(), stream=stream, kind=kind, severity=severity, state="open", sentence=sentence, advice=advice,
            onset=now, opened=now, updated=now, row=0, onset_row=0, signals=(), causes=(cause,),
        )  # fmt: skip
        self._episodes[finding.id] = Episode(finding, family_of_finding(finding), last_ns=time_ns)
        self._save(finding)
        return finding

    def supersede(self, stream: Stream, time_ns: int) -> list[Finding]:
        """Close the findings of other versions of a model, whose file was replaced; return what was open, or known."""
        old = [
            episode
            for episode in self._episodes.values()
            if episode.finding.stream.model == stream.model and episode.finding.stream.key != stream.key
        ]
        return self._close_all(old, f"another model file took its place: {stream.key}", time_ns)

    def compared(self, stream: Stream) -> list[Finding]:
        """Return the open findings of a stream that compare it with its reference; exceptions need none."""
        return [episode.finding for episode in self._of(stream) if is_compared(episode) and not episode.judged]

    def settle(self, stream: Stream, note: str, time_ns: int) -> list[Finding]:
        """Close the findings that compared with a reference that has been replaced, and those of the accuracy.

        How often the model errs in health is learned anew with it. Returns what was open, or known.
        """
        compared = [episode for episode in self._of(stream) if is_compared(episode)]
        return self._close_all([*compared, *self._of(stream, labels=True)], note, time_ns, instead=True)

    def newest_row(self, stream: Stream) -> int:
        """Return the row of the newest finding of a stream, 0 where there is none."""
        return max((episode.finding.row for episode in self._of(stream)), default=0)

    def stream_of(self, finding_id: str) -> Stream:
        """Return the stream of an open finding. Raises KeyError."""
        return self._open(finding_id).finding.stream

    def acknowledge(self, finding_id: str, note: str, time_ns: int, *, over: bool = False) -> Finding:
        """Mark a finding as seen, or close it where its stream is `over`. Raises KeyError where it is not open."""
        episode = self._open(finding_id)
        if episode.family == NOTICE or over:  # nothing will tell that it has ended: seen is done
            return self._close(episode, time_ns, note)
        return self._replace(episode, time_ns, state="acknowledged", note=note)

    def snooze(self, finding_id: str, seconds: float, note: str, time_ns: int) -> Finding:
        """Let a finding rest for so long; 0 wakes it. Raises KeyError where it is not open."""
        episode = self._open(finding_id)
        episode.finding = snoozed(episode.finding, seconds, note, time_ns)
        self._save(episode.finding)
        return episode.finding

    def judge(self, finding_id: str, verdict: Verdict, note: str, time_ns: int) -> Finding:
        """Close a finding by what a person found it to be, or judge one that is closed. Raises KeyError."""
        episode = self._episodes.get(finding_id)
        known = {one.id: one for one in ([episode.finding] if episode else self._store.findings(everything=True))}
        finding = judged(known[finding_id], verdict, note, time_ns)
        if episode is not None:
            episode.finding = finding
            if episode.family == NOTICE:  # nothing will tell that it has ended
                del self._episodes[finding_id]
        self._save(finding)
        self.judged[verdict] += 1
        return finding

    def _open(self, finding_id: str) -> Episode:
        episode = self._episodes[finding_id]
        if episode.judged:
            raise KeyError(finding_id)
        return episode

    def _episode_for(self, moment: Moment, score: Score) -> Episode:
        family = family_of(score)
        for episode in self._of(moment.stream, labels=moment.labels):
            known = any(signal.name == score.signal.name for signal in episode.finding.signals)
            young = is_young(episode, score)
            if episode.family == family and (known or young or family == "latency"):
                return episode
        finding = Finding(
            id=_new_id(), stream=moment.stream, kind=family, severity="info", state="open", sentence="", advice="",
            onset=utc(min(score.onset_ns, score.time_ns)), opened=utc(score.time_ns), updated=utc(score.time_ns),
            row=score.row, onset_row=score.onset_row, signals=(), causes=(),
        )  # fmt: skip
        episode = Episode(finding, family, last_row=score.row, last_ns=score.time_ns)
        self._episodes[finding.id] = episode
        return episode

    def _explain(self, episode: Episode, moment: Moment) -> bool:
        """Explain the episode by what is known now; return whether that changed the finding."""
        finding = episode.finding
        effects = moment.effects(moment.row + 1 - finding.onset_row)
        episode.saw(effects, moment.host.newest)
        if was_worse(episode, effects):
            return False
        scores = sorted(episode.scores.values(), key=lambda score: score.threshold - score.value)
        pace_before, pace_now = moment.pace(finding.onset_row)
        onset_ns = round(finding.onset.timestamp() * 1e9)
        case = Case(
            stream=finding.stream, scores=tuple(scores), effects=episode.worst, changes=moment.changes,
            onset_ns=onset_ns, opened_ns=round(finding.opened.timestamp() * 1e9), host=episode.host,
            host_before=moment.host.before(onset_ns), host_since=moment.host.since(onset_ns),
            held=finding.severity if finding.sentence else None, pace_before=pace_before, pace_now=pace_now,
        )  # fmt: skip
        said = self._explainer.explain(case)
        changes: dict[str, Any] = {"signals": evidence_of(scores, episode.worst, finding.signals)}
        if not episode.was_worse():
            changes |= {
                "kind": said.kind, "severity": held_severity(said, finding), "sentence": said.sentence,
                "advice": said.advice, "causes": said.causes,
            }  # fmt: skip
        if all(getattr(finding, name) == value for name, value in changes.items()):
            return False
        self._replace(episode, moment.time_ns, **changes)
        return True

    def _close_all(self, some: Sequence[Episode], note: str, time_ns: int, *, instead: bool = False) -> list[Finding]:
        """Close findings, with a note where a person left none, or `instead` of it; forget those that were judged.

        Returns those that were open, and those that were known to go on.
        """
        ended = []
        for episode in some:
            if not episode.judged:
                ended.append(self._close(episode, time_ns, note if instead else episode.finding.note or note))
                continue
            del self._episodes[episode.finding.id]
            ended += [episode.finding] if episode.known else []
        return ended

    def _close(self, episode: Episode, time_ns: int, note: str = "") -> Finding:
        closed, note = not_before(episode.finding.opened, time_ns), note or episode.finding.note
        finding = self._replace(episode, time_ns, state="closed", closed=closed, note=note)
        del self._episodes[finding.id]
        return finding

    def _replace(self, episode: Episode, time_ns: int, **changes: Any) -> Finding:
        updated = not_before(episode.finding.opened, time_ns)
        if is_worse(changes.get("severity", episode.finding.severity), episode.finding):
            changes["snoozed_until"] = None  # nobody put this to rest
        episode.finding = msgspec.structs.replace(episode.finding, updated=updated, **changes)
        self._save(episode.finding)
        return episode.finding

    def _save(self, finding: Finding) -> None:
        self._store.save_finding(finding)
        self.stored += 1

    def _of(self, stream: Stream, *, labels: bool = False) -> list[Episode]:
        return [
            episode
            for episode in self._episodes.values()
            if episode.finding.stream.key == stream.key
            and episode.family not in {NOTICE, LASTING}
            and (episode.family == ACCURACY) == labels
        ]


def _new_id() -> str:
    return uuid.uuid4().hex[:12]
