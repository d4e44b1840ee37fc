"""Why inferences have become slow: the machine, the load on it, or the service itself.

A reading explains a slowness only if it is bad now and was not so before the onset: a device that is always hot has not
become slow by it. Where no earlier reading is known, it is taken as it is. Other programs explain no more than what the
watched service waits for the processor, where that is known: busy neighbours are no evidence that they are felt.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from detectors.picture import WEAKEST, Hypothesis
from detectors.wording import figures, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.model import Reading
    from detectors.picture import Picture

BUSY = 0.9  # of all cores
OTHERS = 0.25  # of all cores that other programs take, and that they took less of before
OWN = 0.5  # of what is busy
SHORT_OF_MEMORY, SWAPPING = 0.92, 0.3  # of memory, of swap
HOT_CELSIUS = 80.0  # where boards and laptops begin to slow down (Raspberry Pi: 80 °C, most x86: 90 to 100 °C)
BEFORE = 0.25  # what is left of an explanation whose reading was as bad before
MORE_ASKED = 1.5  # times the pace before the onset
HELD_UP = 1.5  # times longer for want of a processor than before
SHARED = 2.0  # times slower by others in its caches, its memory and the other half of its core; assumed, and a lot
COMPUTED = 0.5  # of the usual latency, that the service must compute itself for its waits to tell of an inference
ALONE = 1.5  # inferences under way at a time in a process; with more they may wait for one another
CLEARLY = 0.05  # of a reading's present value: less is the same as before


def device_causes(picture: Picture) -> list[Hypothesis]:
    """Explain slowness: by the host's readings where they say something, else by the service itself."""
    slow = next((score for score in picture.case.scores if score.detector == "latency"), None)
    if slow is None:
        return []
    found = [*_heat(picture), *_memory(picture), *_processor(picture), *_demand(picture)]
    explained = max((h.strength for h in found), default=0.0)
    service = 0.7 if explained < 0.5 else 0.3  # noqa: PLR2004  # less than even
    found.append(
        Hypothesis(
            "device", "inference service itself has become slower", service, slow.detail or "inferences take longer",
            "Restart the service; if it stays slow, look at its threads, its accelerator and its input size.",
        )
    )  # fmt: skip
    return found


def _heat(picture: Picture) -> list[Hypothesis]:
    heat, throttled = _now(picture, "hw.temperature"), _now(picture, "system.cpu.throttled")
    told = f"{heat:.0f} °C" if math.isfinite(heat) else ""
    if throttled > 0:
        weight = _weight(throttled, _then(picture, "system.cpu.throttled"))
        return [
            Hypothesis(
                "device", "processor is being slowed down by its own protection", 0.85 * weight,
                f"throttled{', ' if told else ''}{told}",
                "Check the power supply and its cable, then fan, vents and the room's temperature.",
            )
        ]  # fmt: skip
    if heat >= HOT_CELSIUS:
        return [
            Hypothesis(
                "device", "processor too hot: it slows down to protect itself",
                0.85 * _weight(heat, _then(picture, "hw.temperature")),
                told + _was(_then(picture, "hw.temperature"), lambda value: f"{value:.0f} °C"),
                "Clean fan and vents, check the room's temperature; look for a fan that stands still.",
            )
        ]  # fmt: skip
    return []


def _memory(picture: Picture) -> list[Hypothesis]:
    memory = max(_now(picture, "system.memory.utilization", "used"), 0.0)
    swap = max(_now(picture, "system.paging.utilization"), 0.0)
    weights = []
    if memory >= SHORT_OF_MEMORY:
        weights.append(_weight(memory, _then(picture, "system.memory.utilization", "used")))
    if swap >= SWAPPING:
        weights.append(_weight(swap, _then(picture, "system.paging.utilization")))
    if not weights:
        return []
    return [
        Hypothesis(
            "device", "device is short of memory", 0.8 * max(weights),
            f"{percent(memory)} of memory, {percent(swap)} of swap",
            "Find the program that takes the memory (`top`) and stop it, or restart the device.",
        )
    ]  # fmt: skip


def _processor(picture: Picture) -> list[Hypothesis]:
    """Tell whether others took the processor: all that is busy, less what the watched service takes itself."""
    busy = _now(picture, "system.cpu.utilization")
    if busy < BUSY:
        return []
    case = picture.case
    own = max(_own(picture, case.host), _own(picture, case.host_since))
    others = max(0.0, busy - own)
    then = _then(picture, "system.cpu.utilization")
    earlier = max(0.0, then - _own(picture, case.host_before)) if math.isfinite(then) else then
    if others < OTHERS or own >= OWN * busy:
        return [
            Hypothesis(
                "device", "inference service itself takes all the processor", 0.75,
                f"processor {percent(busy)} busy, {percent(own)} by the service itself",
                "Look at the service's threads and input size, and at whether more is asked of it than before.",
            )
        ]  # fmt: skip
    longer = _held_up(picture, case.host_since) / _held_up(picture, case.host_before)
    grew = not math.isfinite(earlier) or others - earlier >= OTHERS or longer >= HELD_UP
    strength = 0.75 if grew else 0.75 * BEFORE
    measured = _readings(picture, "process.cpu.utilization", (*case.host, *case.host_since))
    them = "other programs" if measured else "other programs, or the service, which is not measured"
    evidence = f"processor {percent(busy)} busy, {percent(others)} by {them}{_was(earlier, percent)}"
    slower, most = picture.slowness, _most_by_others(picture)
    if most < slower:
        strength = max(WEAKEST, strength * (most - 1) / (slower - 1))
        held_up, seen = figures(most / SHARED, slower)
        evidence += f"; waiting for it prolongs the service's work {held_up} times, and it is {seen} times slower"
    return [
        Hypothesis(
            "load", "other programs take the processor", strength, evidence,
            "Find the program that takes the processor (`top`) and stop or move it.",
        )
    ]  # fmt: skip


def _most_by_others(picture: Picture) -> float:
    """Give how many times slower, at most, other programs can have made an inference; infinity where it is not known.

    It is not known where inferences are not computed by threads of the service, but by another process or an
    accelerator, nor where they wait for one another: a queue grows without bound.
    """
    case, latency = picture.case, picture.latency
    held_up = _held_up(picture, case.host_since)
    if math.isnan(held_up) or latency is None or not case.pace_now:
        return math.inf
    used = _readings(picture, "process.cpu.utilization", case.host_since)
    usual, now = latency.reference_mean or math.inf, latency.recent_mean or math.inf
    computes = sum(used) / case.pace_now >= COMPUTED * usual
    alone = case.pace_now * now <= ALONE * max(1, len(_readings(picture, "process.cpu.utilization", case.host)))
    return SHARED * held_up if computes and alone else math.inf


def _held_up(picture: Picture, readings: Sequence[Reading]) -> float:
    """Give how many times longer the service's work takes for want of a processor; NaN where it is not known."""
    return max(_readings(picture, "process.cpu.slowdown", readings), default=math.nan)


def _demand(picture: Picture) -> list[Hypothesis]:
    """Tell whether more is asked of the service than before."""
    before, now = picture.case.pace_before, picture.case.pace_now
    if before is None or now is None or now < MORE_ASKED * before:
        return []
    old, new = figures(before, now)
    return [
        Hypothesis(
            "load", "more inferences are asked of the service than before", 0.8, f"{new} a second, was {old}",
            "Find out who asks more often; ask less, or give the service more threads or a faster device.",
        )
    ]  # fmt: skip


def _weight(now: float, before: float) -> float:
    """Give how much a bad reading explains: all of it if it was clearly lower before, or not known."""
    return 1.0 if not math.isfinite(before) or before < now * (1 - CLEARLY) else BEFORE


def _was(before: float, words: object) -> str:
    return f", was {words(before)}" if math.isfinite(before) and callable(words) else ""


def _own(picture: Picture, readings: Sequence[Reading]) -> float:
    """Give the share of all cores that the watched service takes; its own readings count cores."""
    cores = max((r.value for r in readings if r.name == "system.cpu.logical.count"), default=1.0)
    return sum(_readings(picture, "process.cpu.utilization", readings)) / max(cores, 1.0)


def _readings(picture: Picture, name: str, readings: Sequence[Reading]) -> list[float]:
    """Give what the processes of the watched service say."""
    stream = picture.case.stream
    values = []
    for reading in readings:
        labels = dict(reading.labels)
        if reading.name == name and (labels.get("pid") == str(stream.pid) or labels.get("model") == stream.model):
            values.append(reading.value)
    return values


def _now(picture: Picture, name: str, state: str | None = None) -> float:
    return _highest(picture.case.host, name, state)


def _then(picture: Picture, name: str, state: str | None = None) -> float:
    return _highest(picture.case.host_before, name, state)


def _highest(readings: Sequence[Reading], name: str, state: str | None) -> float:
    values = [
        reading.value
        for reading in readings
        if reading.name == name and (state is None or dict(reading.labels).get("state", state) == state)
    ]
    return max(values, default=-math.inf)
