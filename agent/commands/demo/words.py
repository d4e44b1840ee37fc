"""What the demo says to a newcomer: how it opens, its lines on the way, and the summary. Nothing wider than 80 columns.

Sentences that come from the agent are cleaned where they are wrapped.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from agent.commands.demo.place import REFERENCE_ROWS
from tui import format as fmt
from tui.spans import cut, wrap
from tui.words import accuracy_text, drift, worst_by_stream

if TYPE_CHECKING:
    from agent.commands.demo.place import Place
    from agent.commands.demo.record import Record, Result
    from agent.commands.demo.run import Demo, Plan
    from agent.model import AccuracyEstimate, Finding
    from agent.status import Status

WIDTH = 79
STAMP = 9  # columns of "  12.3 s  "
MARK = ">>>"


def stamped(seconds: float, text: str) -> list[str]:
    """Put the time since the service's start before a text, wrapped.

    >>> stamped(3.25, "the camera is running")
    ['  3.2 s  the camera is running']
    """
    return wrap(text, WIDTH, f"{seconds:5.1f} s  ", " " * STAMP)


def fault(record: Record) -> str:
    """Name what goes wrong, as the service does."""
    began = record.began
    return (began and began.fault) or "something is wrong"


def opening(plan: Plan) -> list[str]:
    """Say what is going to be seen."""
    will = f"After {plan.onset:.0f} s something will happen to it." if plan.drift else "Nothing will happen to it."
    text = (
        f"Driftline demo: a camera reads the digits of a meter for {plan.seconds:.0f} s, 100 images a second. "
        "A small neural network names each digit; Driftline watches the network. "
        f"{will} Driftline is told what the first {REFERENCE_ROWS:,} digits truly are, as somebody who sets a camera "
        "up would. From then on it sees images and answers, and never learns which answers are right."
    )
    return [*wrap(text, WIDTH), "", "starting the agent and the camera"]


def before(plan: Plan) -> str:
    """Say in one line, on the dashboard, what is going to be seen."""
    will = (
        f"after {plan.onset:.0f} s something happens to the camera" if plan.drift else "nothing happens to the camera"
    )
    return f"demo: Driftline learns for about 10 s; {will}"


def during(record: Record) -> str:
    """Say in one line, on the dashboard, what has begun."""
    return f"demo: {fault(record)}; Driftline is not told"


def state(status: Status) -> str:
    """Say in one line how the device is."""
    worst = worst_by_stream(status.findings)
    parts: list[str] = [status.state]
    for stream in status.streams:
        drifting = drift(stream, worst.get(stream.key)).phrase(30)
        parts.append(f"{stream.rate:.0f} images/s, {fmt.latency(stream.latency_p50_s)} each, {drifting}")
    return cut(": ".join(parts), WIDTH - STAMP)


def noticed(record: Record, finding: Finding) -> list[str]:
    """Say that Driftline found something, each line to be stamped by itself."""
    if not finding.signals:
        return [f"{MARK} {finding.sentence}"]
    delay = _delay(record, finding)
    lines = [f"{MARK} Driftline notices{delay}: {finding.sentence}"]
    if finding.causes:
        lines.append(f"likely cause: {_cause(finding)}")
    if finding.advice:
        lines.append(f"what to do: {finding.advice}")
    return lines


def summary(demo: Demo, result: Result) -> list[str]:
    """Say what happened, what it cost, and where to look next."""
    lines = ["", *_section("What happened"), *_happened(demo), *_found(demo, result)]
    lines += [*_section("What it cost"), *_cost(demo, result)]
    return [*lines, *_next(demo.place)]


def _section(title: str) -> list[str]:
    return [f"{title} {'-' * (WIDTH - len(title) - 1)}"]


def _tell(text: str) -> list[str]:
    return wrap(text, WIDTH, "  ")


def _happened(demo: Demo) -> list[str]:
    latest, onset = demo.record.latest, demo.record.onset
    if latest is None:
        return _tell("You closed it before the camera had read anything.")
    early = "You closed it early: a" if demo.left_early else "A"
    text = f"{early} camera read {fmt.count(latest.inferences)} digits in {latest.seconds:.0f} s"
    text += f"; {fmt.plural(latest.failures, 'reading')} failed" if latest.failures else ", and no reading failed"
    lines = _tell(f"{text}.")
    if latest.first_failure:
        lines += _tell(f"The first failure: {latest.first_failure}")
    if onset is not None:
        lines += _tell(f"After {onset.seconds:.0f} s {fault(demo.record)}.")
    elif demo.plan.drift:
        lines += _tell("It ended before anything was wrong.")
    else:
        lines += _tell("Nothing was wrong with it at any time.")
    if restarts := demo.record.restarts:
        times = "once" if restarts == 1 else f"{restarts} times"
        lines += _tell(f"The agent was stopped {times} on the way and started again on the same state.")
    return lines


def _found(demo: Demo, result: Result) -> list[str]:
    record = demo.record
    lines: list[str] = []
    detections = record.detections()
    if detections:
        first = detections[0]
        lines += _tell(f"Driftline noticed{_delay(record, first)}. It says:")
        lines += wrap(first.sentence, WIDTH, "    ")
        if first.causes:
            lines += wrap(_cause(first), WIDTH, "    Likely cause: ", " " * 18)
        if first.advice:
            lines += wrap(first.advice, WIDTH, "    What to do:   ", " " * 18)
        if len(detections) > 1:
            lines += _tell(f"It then opened {fmt.plural(len(detections) - 1, 'more finding')}.")
    elif record.onset is not None:
        lines += _tell("Driftline did not notice. That is a miss: it should have.")
    false = record.false_alarms()
    if false:
        lines += _tell(f"False alarms, with nothing wrong: {len(false)}. The first: {false[0].sentence}")
    else:
        lines += _tell("False alarms while nothing was wrong: none.")
    return [*lines, *_accuracy(result)]


def _accuracy(result: Result) -> list[str]:
    """Put the service's truth beside what the agent made of confidence alone."""
    if result.accuracy_before is None:
        return []
    lines = _section("How many digits were read rightly, and what Driftline made of it")
    lines += _beside("healthy", result.accuracy_before, result.estimate_before)
    if result.accuracy_after is not None:
        lines += _beside("with the fault", result.accuracy_after, result.estimate_after)
    return lines


def _beside(when: str, truth: float, estimate: AccuracyEstimate | None) -> list[str]:
    said = "no estimate yet" if estimate is None else accuracy_text(estimate)
    return wrap(f"{fmt.percent(truth):>4}; {said}", WIDTH, f"  {when + ':':15} truly ", " " * 29)


def _cost(demo: Demo, result: Result) -> list[str]:
    lines: list[str] = []
    if result.probe_p50_ns is not None:
        lines += _tell(f"Each call of the model: {result.probe_p50_ns / 1e3:.1f} µs more (median).")
    if result.agent_rss_mb is not None and result.agent_cpu_percent is not None:
        lines += _tell(
            f"The agent: {result.agent_rss_mb:.0f} MB of memory, {result.agent_cpu_percent:.1f} % of one core."
        )
    return [*lines, *_tell(f"On disk: {fmt.size(demo.place.size())} in {demo.place.state}")]


def _next(place: Place) -> list[str]:
    where = f"--state {shlex.quote(str(place.state))}"
    return [
        *_section("Where to look next"),
        f"  driftline findings {where}",
        f'  driftline query {where} "',
        "    SELECT date_trunc('second', time) AS second, avg(sharpness), avg(confidence)",
        '    FROM inferences GROUP BY 1 ORDER BY 1"',
        *_section("Watch your own model"),
        *_tell("In your service, after pip install driftline-probe:"),
        "    import driftline",
        '    session = onnxruntime.InferenceSession("model.onnx")',
        '    session = driftline.watch(session, model="my-model")',
        *_tell("Beside it, run `driftline agent`, and look at it with `driftline top`."),
    ]


def _delay(record: Record, finding: Finding) -> str:
    onset, images = record.onset, record.delay_inferences(finding)
    if onset is None or images is None or finding.opened < onset.time:
        return ""
    seconds = (finding.opened - onset.time).total_seconds()
    return f" {seconds:.1f} s and {fmt.plural(images, 'image')} after it began"


def _cause(finding: Finding) -> str:
    cause = finding.causes[0]
    return f"{cause.name} ({cause.kind}); {cause.evidence}" if cause.evidence else f"{cause.name} ({cause.kind})"
