"""Tells in the history when the agent started and stopped, and how it had ended where nobody had stopped it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent import __version__

if TYPE_CHECKING:
    from agent.clock import DeviceClock
    from agent.events import Events
    from agent.guarded import Guarded
    from agent.ports import Store

STATE = ("", "run")  # under which it is kept
SUBJECT = "agent"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The last run of the agent: in which boot of the machine, of which version, and whether it came to its end."""

    boot: str
    version: str = __version__
    stopped: bool = False


class Starts:
    """Keeps in `store` how the agent runs, and tells `events`; where that fails, the agent runs all the same."""

    def __init__(self, store: Store, events: Events, clock: DeviceClock, guarded: Guarded) -> None:
        self._store, self._events, self._boot, self._guarded = store, events, clock.boot, guarded

    def begin(self) -> None:
        """Tell of a start."""
        self._guarded("starts", self._begin)

    def end(self) -> None:
        """Tell of a stop; what comes later is not told."""
        self._guarded("starts", self._end)

    def _begin(self) -> None:
        before = self._before()
        detail = how_it_ended(before, self._boot)
        if before and before.version != __version__:
            detail += f"; version {__version__}, before {before.version}"
        self._events.say("started", SUBJECT, detail)
        self._keep(Run(boot=self._boot))

    def _end(self) -> None:
        self._events.say("stopped", SUBJECT, "as it was told to")
        self._keep(Run(boot=self._boot, stopped=True))

    def _before(self) -> Run | None:
        try:
            return msgspec.msgpack.decode(self._store.get_state(*STATE) or b"", type=Run)
        except msgspec.MsgspecError:
            return None

    def _keep(self, run: Run) -> None:
        self._store.put_state(*STATE, msgspec.msgpack.encode(run))


def how_it_ended(run: Run | None, boot: str) -> str:
    """Say how a run ended, for who reads it in a later one of the boot `boot`."""
    if run is None:
        return "nothing is known of a run before"
    if run.stopped:
        return "it had been stopped" + ("" if run.boot == boot else ", and the machine was started anew")
    if run.boot == boot:
        return "it had not been stopped: it was killed, or failed; the machine ran on"
    return "it had not been stopped: the machine lost its power or was reset"
