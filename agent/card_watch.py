"""Opens a finding when the device's storage says that it wears out, once for each thing that it says.

What was told is kept over restarts: a person who has acknowledged it is not told again at every start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from agent.model import Reading, Severity

STATE = ("", "card")
_PLAN = "Copy what must be kept, and plan to replace the device or its storage."
# what a reading says: severity, sentence
_SAID: dict[str, tuple[Severity, str]] = {
    "worn": ("warning", "The storage {card} has used up 90 % or more of the writes that it was made for."),
    "degraded": ("warning", "The storage {card} has used up 80 % of its spare blocks: it nears its end."),
    "predicted_failure": (
        "critical",
        "The storage {card} has used up 90 % of its spare blocks: it may soon take no more writes.",
    ),
}


class States(Protocol):
    """Where it is kept what was told."""

    def put_state(self, stream_key: str, part: str, payload: bytes) -> None:
        """Keep it."""
        ...

    def get_state(self, stream_key: str, part: str) -> bytes | None:
        """Return it."""
        ...


class Notice(Protocol):
    """Opens a finding about the device."""

    def __call__(self, kind: str, sentence: str, advice: str, evidence: str, severity: Severity = "warning") -> None:
        """Open it."""
        ...


class CardWatch:
    """Looks at the host's readings for what storage says of itself."""

    def __init__(self, states: States, notice: Notice) -> None:
        self._states = states
        self._notice = notice
        self._told: set[str] | None = None

    def take(self, reading: Reading) -> None:
        """Look at one reading."""
        said = _said(reading)
        if not said:
            return
        card = dict(reading.labels).get("sensor", "").split(" ")[0]
        told = self._told = _decode(self._states.get_state(*STATE)) if self._told is None else self._told
        key = f"{card} {said}"
        if key in told:
            return
        severity, sentence = _SAID[said]
        self._notice("storage", sentence.format(card=card), _PLAN, f"{reading.name} {said} of {card}", severity)
        told.add(key)
        self._states.put_state(*STATE, msgspec.json.encode(sorted(told)))


def _said(reading: Reading) -> str:
    """Name what is wrong, empty where nothing is."""
    if reading.name == "hw.physical_disk.endurance_utilization":
        return "worn" if reading.value <= 0 else ""
    if reading.name == "hw.status" and reading.value > 0:
        state = dict(reading.labels).get("state", "")
        return state if state in _SAID else ""
    return ""


def _decode(stored: bytes | None) -> set[str]:
    try:
        return set(msgspec.json.decode(stored or b"[]", type=list[str]))
    except msgspec.MsgspecError:  # of another version: it is told once more
        return set()
