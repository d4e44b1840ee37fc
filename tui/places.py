"""Where the number keys go: the overview's panels, and the screens behind them. Standard library only."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """One place: its key, its name, the overview's panel ("" where it is a screen), and what is there.

    opened: whether a screen stands behind the panel, too, which the name alone opens.
    """

    key: str
    name: str
    panel: str
    what: str
    opened: bool = False


PLACES = (
    Place("1", "streams", "Streams", "every model, a line each"),
    Place("2", "findings", "Findings", "what was found and is not over"),
    Place("3", "what to do", "FindingCard", "what the selected finding says, and what to try"),
    Place("4", "device", "Host", "processor, memory, temperature, power, storage and its wear", opened=True),
    Place("5", "signals", "SignalsCard", "the selected model's signals"),
    Place("6", "link", "Link", "where summaries are sent, what waits, what left the device", opened=True),
    Place("7", "events", "", "what happened on the device, newest first"),
    Place("8", "log", "", "what the agent says of itself"),
    Place("0", "overview", "Streams", "the first screen"),
)
