"""Calls the parts of the tick, so that one that fails is known for it and takes nothing else down."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from agent.status import PartHealth

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("driftline")


class Guarded:
    """Remembers how each part was when it was called last."""

    def __init__(self) -> None:
        self._health: dict[str, PartHealth] = {}

    def __call__(self, part: str, function: Callable[..., object], *arguments: object) -> None:
        """Call a part; where it fails, note that in its health, until it works again, and go on with the others."""
        try:
            function(*arguments)
        except Exception as error:  # whatever a part does, the tick goes on
            failed = PartHealth(name=part, ok=False, note=f"{type(error).__name__}: {error}")
            if self._health.get(part) != failed:  # and not with each tick
                log.exception("%s fails", part)
            self._health[part] = failed
        else:
            if part in self._health or not part.startswith(("judging ", "changes ", "time of ")):
                self._health[part] = PartHealth(name=part, ok=True)

    def health(self) -> list[PartHealth]:
        """Say how each part is."""
        return list(self._health.values())
