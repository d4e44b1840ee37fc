"""The references in the buffer of an agent that is not running."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.baseline_keeper import describe
from agent.baselines import BaselineError, resolve
from agent.buffer.repair import CORE_FILE
from agent.commands.offline import open_stopped
from agent.commands.options import INCOMPLETE
from agent.saved import ORIGIN, REFERENCE, decode_origin
from agent.wiring import Config, make_factories

if TYPE_CHECKING:
    from agent.baselines import Baseline


def stored_baselines(state: str, stream: str) -> list[Baseline]:
    """Describe one stored reference, or all. Raises BaselineError."""
    decode = make_factories(Config()).decode_reference
    with open_stopped(state) as buffer:
        if unread := [note for note in buffer.notes if note.startswith(CORE_FILE)]:
            raise BaselineError(f"{unread[0]}; {INCOMPLETE}")
        keys = buffer.state_keys(REFERENCE)
        found = []
        for key in [resolve(stream, keys)] if stream else keys:
            origin = decode_origin(buffer.get_state(key, ORIGIN) or b"")
            try:
                found.append(describe(key, decode(buffer.get_state(key, REFERENCE) or b""), origin))
            except ValueError as error:
                raise BaselineError(f"{key}: {error}; the agent of this version will fit it anew") from error
        return found
