"""What `driftline baseline` speaks of: the reference of each stream, in records that people and JSON see.

`baseline` is the word for people, `reference` the word for statistics; they are the same thing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime  # noqa: TC003  # msgspec resolves the annotations at run time
from typing import TYPE_CHECKING, Literal

import msgspec

from agent.model import Signal, Stream  # noqa: TC001  # the same

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BaselineState = Literal["learning", "ready"]
Evidence = Callable[[], Mapping[str, float]]  # by signal, the share of the way to an alarm


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a reference comes from. `number` counts the references of its stream, from 1.

    how: in words, after "the reference": "learned from the stream", "imported from train.csv".
    """

    number: int
    learned: datetime
    how: str
    by: str = ""
    version: str = ""  # of Driftline


class SignalBaseline(msgspec.Struct, frozen=True, kw_only=True):
    """One signal in a reference.

    block_rows: how many rows make one independent observation; 1 where rows are independent of one another.
    missing: share of rows without a value. quantiles: (share, value). categories: (code, share), the most frequent
    first. quantiles of a categorical signal are empty, and so are categories of any other. rhythm_days: days from which
    its daily rhythm is known; 0 where none is. shares: of its rows with a value, in each of the bins that
    `agent.summary.bin_edges` makes of these. deviation: the standard deviation of its values.
    """

    signal: Signal
    block_rows: int
    missing: float
    quantiles: tuple[tuple[float, float], ...] = ()
    categories: tuple[tuple[float, float], ...] = ()
    rhythm_days: int = 0
    shares: tuple[float, ...] = ()
    deviation: float = 0.0


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """The reference of one stream, or how far its learning has come (then there is no `origin` and no signals).

    short: whether it is too short for the alarm budget to be kept with certainty; `notes` say for which signals.
    columns: the stream's signals, as far as they are known; `signals` describe them.
    """

    key: str
    state: BaselineState
    rows: int
    target: int
    short: bool = False
    notes: tuple[str, ...] = ()
    stream: Stream | None = None
    origin: Origin | None = None
    columns: tuple[Signal, ...] = ()
    signals: tuple[SignalBaseline, ...] = ()


class BaselineChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a command did to a reference: in words, with the findings that it closed."""

    key: str
    said: str
    closed: tuple[str, ...] = ()


class BaselineError(ValueError):
    """The command cannot be carried out; the message says why, and what would be accepted."""


def rhythm_words(signals: Sequence[SignalBaseline]) -> str:
    """Say whose daily rhythm is known; empty where none is."""
    names = [described.signal.name for described in signals if described.rhythm_days]
    days = max((described.rhythm_days for described in signals), default=0)
    return f"knows the daily rhythm of {', '.join(names)} from {days} days" if names else ""


def never_seen(signals: Sequence[SignalBaseline]) -> list[Signal]:
    """List what a service gives and of which no value ever came: text, as a rule, which is no number."""
    return [told.signal for told in signals if told.missing >= 1 and told.signal.role != "runtime"]


def silent_notes(signals: Sequence[SignalBaseline]) -> tuple[str, ...]:
    """Say of which signals no value ever came, and what to do."""
    return tuple(f"{signal.name}: never a number; of a text, send a code" for signal in never_seen(signals))


def resolve(name: str, keys: Iterable[str]) -> str:
    """Find the one stream that is meant: its key, its model's name, or the beginning of either. Raises BaselineError.

    >>> resolve("meter", ["meter-reader@9f86d081884c", "pump"])
    'meter-reader@9f86d081884c'
    """
    known = sorted(set(keys))
    if not known:
        raise BaselineError("no model has been seen yet")
    if not name and len(known) == 1:
        return known[0]
    exact = [key for key in known if key == name] or [key for key in known if key.partition("@")[0] == name]
    found = exact or [key for key in known if key.startswith(name)]
    if len(found) == 1:
        return found[0]
    what = "which one" if not name else f"{name!r} may be more than one" if found else f"no stream is called {name!r}"
    raise BaselineError(f"{what}: {', '.join(found or known)}")
