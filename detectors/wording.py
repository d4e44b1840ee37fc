"""How a signal changed, in words: where it lies, how far it scatters, what is missing, what repeats, what is new.

The names of signals are never changed, not even at the start of a sentence.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.model import Column, Effect, Frequent

MOVED = 0.7  # of the Wasserstein distance that a difference of means makes, to be told as one
HARDLY = "hardly changed"
HALF = 0.5  # of the distance that a share of missing or of one value makes, to be told first
SCATTER = 1.2  # times the deviation, or below one of it
TIMES = ((1.8, 2.3, "doubled"), (2.7, 3.4, "tripled"), (0.43, 0.56, "halved"))
NEARLY_ALWAYS, MOSTLY = 0.97, 0.5
TIME_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def describe(effect: Effect) -> str:
    """Say how one signal changed.

    >>> from agent.model import Column, Effect, Signal
    >>> old, new = (Column(missing=0, mean=1, deviation=sd, middle=1) for sd in (1.0, 2.1))
    >>> heat = Effect(
    ...     signal=Signal("heat", "input"), psi=1, ks=0.2, wasserstein=0.9, reference_mean=1, recent_mean=1, rows=500,
    ...     before=old, now=new,
    ... )
    >>> describe(heat)
    'scatter of heat doubled: sd 1 to 2.1'
    """
    name = effect.signal.name
    if effect.recent_mean is None:
        return f"{name} is missing"
    if effect.reference_mean is None:
        return f"{name} appeared"
    said = _missing(effect) or _repeated(effect) or _new(effect) or _little(effect)
    if said:
        return said
    if effect.signal.kind == "categorical":
        return _mix(effect)
    frequent = effect.frequent
    if frequent is not None and frequent.now > frequent.before:
        return _frequent(effect) or _moved(effect) or f"{name} is distributed otherwise"
    return _moved(effect) or _frequent(effect) or f"{name} is distributed otherwise"


def hardly(effect: Effect) -> bool:
    """Tell whether a signal changed no more than chance alone shows."""
    return describe(effect) == f"{effect.signal.name} {HARDLY}"


def say(effects: Iterable[Effect]) -> str:
    """Put several changes into the start of a sentence; what begins with a name keeps the name's letters."""
    told = [(effect.signal.name, describe(effect)) for effect in effects]
    if not told:
        return ""
    name, first = told[0]
    if not first.startswith(name):
        first = first[:1].upper() + first[1:]
    return ", ".join([first, *(words for _, words in told[1:])])


def figures(*values: float) -> tuple[str, ...]:
    """Write numbers with as many digits as it takes to tell them apart, three at least.

    >>> figures(0.32, 0.186), figures(1.0001, 1.0002), figures(48_211.3, 3.0)
    (('0.32', '0.186'), ('1.0001', '1.0002'), ('48,211', '3'))
    """
    for digits in range(3, 8):
        written = tuple(_figure(value, digits) for value in values)
        if len(set(written)) == len(set(values)):
            break
    return written


def durations(*seconds: float) -> tuple[str, ...]:
    """Write durations in one unit, that of the smallest that is not nothing.

    >>> durations(0.0204, 0.000393)
    ('20.4 ms', '0.393 ms')
    >>> durations(3.2, 0.9)
    ('3.2 s', '0.9 s')
    """
    most = max((abs(value) for value in seconds if math.isfinite(value)), default=0.0)
    size, unit = next((pair for pair in TIME_UNITS if most >= pair[0]), TIME_UNITS[-1])
    return tuple(f"{_figure(value / size, 3)} {unit}" for value in seconds)


def category(frequent: Frequent) -> str:
    """Write a category by its name, or else by its code.

    >>> from agent.model import Frequent
    >>> category(Frequent(value=2, before=0, now=0.1)), category(Frequent(value=2, before=0, now=0.1, name="cat"))
    ('2', 'cat')
    """
    return frequent.name or figures(frequent.value)[0]


def percent(share: float) -> str:
    """Write a share; what is not nothing is not written as nothing.

    >>> percent(0.301), percent(0.0), percent(0.004)
    ('30 %', '0 %', '0.4 %')
    """
    return f"{100 * share:.0f} %" if share == 0 or share >= 0.0095 else f"{100 * share:.1g} %"  # noqa: PLR2004  # 1 %


def _figure(value: float, digits: int) -> str:
    large = 1_000 <= abs(value) < 1e9  # noqa: PLR2004  # read in groups of three; beyond, as powers
    return f"{value:,.0f}" if large and digits < 6 else f"{value:.{digits}g}"  # noqa: PLR2004  # digits that a group has


def _sizes(effect: Effect, *values: float) -> tuple[str, ...]:
    return durations(*values) if effect.signal.unit == "s" else figures(*values)


def _missing(effect: Effect) -> str:
    before, now = effect.before, effect.now
    if before is None or now is None:
        return ""
    rise = now.missing - before.missing
    if abs(rise) < HALF * effect.ks or abs(rise) <= (effect.ks_noise or 0.0) / 2:
        return ""
    name = effect.signal.name
    return f"{name} is missing in {percent(now.missing)} of rows, was {percent(before.missing)}"


def _repeated(effect: Effect) -> str:
    before, now, name = effect.before, effect.now, effect.signal.name
    if before is None or now is None or now.middle is None or before.middle is None:
        return ""
    if before.deviation == 0 and (now.deviation or now.middle != before.middle):
        old = _sizes(effect, before.middle, now.middle)[0]
        return f"{name} was always {old}, now {_instead(effect, before.middle, now)}"
    if now.deviation == 0 and before.deviation and effect.rows > 1:
        return f"{name} repeats one value: {_sizes(effect, now.middle)[0]}"
    return ""


def _little(effect: Effect) -> str:
    """Say that no more is seen than chance alone shows, where its bands are known."""
    if effect.ks_noise is None or effect.wasserstein_noise is None or effect.ks > effect.ks_noise:
        return ""
    if effect.signal.kind != "categorical" and effect.wasserstein > effect.wasserstein_noise:
        return ""
    return f"{effect.signal.name} {HARDLY}"


def _instead(effect: Effect, old: float, now: Column) -> str:
    """Say what a constant has become: another constant, mostly another value, or anything."""
    if not now.deviation and now.middle is not None:
        return _sizes(effect, now.middle, old)[0]
    frequent = effect.frequent  # a few rows from before the change may be among the recent ones
    if frequent is None or frequent.value == old or frequent.now < MOSTLY:
        return "varies"
    value = _sizes(effect, frequent.value, old)[0]
    return value if frequent.now >= NEARLY_ALWAYS else f"{value} in {percent(frequent.now)} of rows"


def _new(effect: Effect) -> str:
    frequent = effect.frequent
    if effect.signal.kind != "categorical" or frequent is None or frequent.before > 0:
        return ""
    value = category(frequent)
    return f"{effect.signal.name} has a new category: {value} in {percent(frequent.now)} of rows"


def _mix(effect: Effect) -> str:
    frequent, name = effect.frequent, effect.signal.name
    if frequent is None:
        return f"the mix of {name} changed ({percent(effect.ks)} of rows)"
    value = category(frequent)
    return f"the mix of {name} changed: {value} makes {percent(frequent.now)} of rows, was {percent(frequent.before)}"


def _frequent(effect: Effect) -> str:
    frequent = effect.frequent
    if frequent is None or abs(frequent.now - frequent.before) < max(HALF * effect.ks, effect.ks_noise or 0.0):
        return ""
    value = _sizes(effect, frequent.value)[0]
    if frequent.now >= NEARLY_ALWAYS:
        return f"{effect.signal.name} repeats one value: {value}"
    return f"{effect.signal.name} is {value} in {percent(frequent.now)} of rows, was {percent(frequent.before)}"


def _moved(effect: Effect) -> str:
    """Tell a change of place, else of scatter, else of the median; nothing where none of them says it."""
    name, old, new = effect.signal.name, effect.reference_mean or 0.0, effect.recent_mean or 0.0
    before, now = effect.before, effect.now
    if before is None or now is None or not before.deviation or now.deviation is None:
        return _rose(name, _sizes(effect, old, new), old, new)
    if abs(new - old) >= MOVED * effect.wasserstein * before.deviation:
        return _rose(name, _sizes(effect, old, new), old, new)
    return _scatter(effect, before, now) or _middle(effect, before, now)


def _scatter(effect: Effect, before: Column, now: Column) -> str:
    if not before.deviation or not now.deviation:
        return ""
    ratio = now.deviation / before.deviation
    if 1 / SCATTER < ratio < SCATTER:
        return ""
    verb = next((word for low, high, word in TIMES if low <= ratio <= high), "rose" if ratio > 1 else "fell")
    first, second = _sizes(effect, before.deviation, now.deviation)
    return f"scatter of {effect.signal.name} {verb}: sd {first} to {second}"


def _middle(effect: Effect, before: Column, now: Column) -> str:
    if before.middle is None or now.middle is None or not before.deviation:
        return ""
    if abs(now.middle - before.middle) < HALF * effect.wasserstein * before.deviation:
        return ""
    words = _sizes(effect, before.middle, now.middle)
    return _rose(f"median of {effect.signal.name}", words, before.middle, now.middle)


def _rose(what: str, words: tuple[str, ...], old: float, new: float) -> str:
    if old == new:
        return ""
    return f"{what} {'rose' if new > old else 'fell'} from {words[0]} to {words[1]}"
