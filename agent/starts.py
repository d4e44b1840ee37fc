"""Tells in the history when the agent started and stopped, and how it had ended where nobody had stopped it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from agent import __version__

if TYPE_CHECKING:
    from agent.clock import DeviceClock
    from agent.events import Events
    from agent.guarded import Guarded
    from agent.ports import Store

STATE = ("", "run")  # under which it is kept
SUBJECT = "agent"
OFTEN, WITHIN_NS = 10, 3_600_000_000_000  # no more starts of a boot are told: an agent that is killed at every one


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The last run of the agent: in which boot of the machine, of which version, and whether it came to its end.

    told_ns: when the last starts were told, since the boot. untold: how many were not since.
    """

    boot: str
    version: str = __version__
    stopped: bool = False
    told_ns: tuple[int, ...] = ()
    untold: int = 0


class Starts:
    """Keeps in `store` how the agent runs, and tells `events`; where that fails, the agent runs all the same."""

    def __init__(self, store: Store, events: Events, clock: DeviceClock, guarded: Guarded) -> None:
        self._store, self._events, self._clock, self._guarded = store, events, clock, guarded
        self._run = Run(boot=clock.boot)

    def begin(self) -> None:
        """Tell of a start."""
        self._guarded("starts", self._begin)

    def end(self) -> None:
        """Tell of a stop; what comes later is not told."""
        self._guarded("starts", self._end)

    def _begin(self) -> None:
        before, now = self._before(), self._clock.since_boot_ns()
        here = before if before and before.boot == self._run.boot else self._run
        told = tuple(at for at in here.told_ns if now - at < WITHIN_NS)
        if len(told) < OFTEN:
            detail = how_it_ended(before, self._run.boot)
            if before and before.version != __version__:
                detail += f"; version {__version__}, before {before.version}"
            if before and before.untold:
                detail += f"; {before.untold:,} starts before it are not told"
            self._events.say("started", SUBJECT, detail)
            self._run = replace(self._run, told_ns=(*told, now))
        else:
            self._run = replace(self._run, told_ns=told, untold=here.untold + 1)
        self._keep()

    def _end(self) -> None:
        if not self._run.untold:
            self._events.say("stopped", SUBJECT, "as it was told to")
        self._run = replace(self._run, stopped=True)
        self._keep()

    def _before(self) -> Run | None:
        try:
            return msgspec.msgpack.decode(self._store.get_state(*STATE) or b"", type=Run)
        except msgspec.MsgspecError:
            return None

    def _keep(self) -> None:
        self._store.put_state(*STATE, msgspec.msgpack.encode(self._run))


def how_it_ended(run: Run | None, boot: str) -> str:
    """Say how a run ended, for who reads it in a later one of the boot `boot`."""
    if run is None:
        return "nothing is known of a run before"
    if run.stopped:
        return "it had been stopped" + ("" if run.boot == boot else ", and the machine was started anew")
    if run.boot == boot:
        return "it had not been stopped: it was killed, or failed; the machine ran on"
    return "it had not been stopped, and the machine was started anew: a power cut, a reset, or a kill before"
