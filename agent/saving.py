"""When what is known is made durable: rows, the states of the detectors, those of series and labels.

Each at its own pace, by how much of it a kill or a power cut may cost. A part that fails is tried again at its next
turn, and takes no other with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.clock import Clock
    from agent.disk_watch import DiskWatch
    from agent.guarded import Guarded
    from agent.labels.desk import LabelDesk
    from agent.monitor import StreamMonitor
    from agent.ports import Store
    from agent.series import SeriesWatches
    from agent.status import Repair

SAVE_NS = 300_000_000_000  # series and labels
SAVE_STATE_NS = 3_600_000_000_000  # what the detectors have: they judge the rows since again, so this costs no evidence


class Saving:
    """Saves in `store` what the monitors, the series and the labels have.

    Parameters
    ----------
    store, monitors, series, labels
        Whose states, and where to.
    disk
        Looks at the store after each commit.
    guarded
        Calls each part.
    clock
        Time.
    commit_seconds
        How often rows are made durable: what a power cut can cost.

    """

    def __init__(
        self, store: Store, monitors: Mapping[str, StreamMonitor], series: SeriesWatches, labels: LabelDesk,
        disk: DiskWatch, guarded: Guarded, clock: Clock, commit_seconds: float,
    ) -> None:  # fmt: skip
        self._store, self._monitors, self._series, self._labels = store, monitors, series, labels
        self._disk, self._guarded, self._clock = disk, guarded, clock
        self._commit_ns = round(commit_seconds * 1e9)
        self._committed_ns = self._saved_ns = self._states_saved_ns = clock.monotonic_ns()

    def tick(self) -> None:
        """Make durable what is due."""
        now = self._clock.monotonic_ns()
        if now - self._committed_ns < self._commit_ns:
            return
        lasting = now - self._states_saved_ns >= SAVE_STATE_NS
        states = lasting or self._store.wants_checkpoint or any(m.wants_saving for m in self._monitors.values())
        self._guarded("buffer", lambda: self.commit(everything=states))
        self._committed_ns = now
        if states:
            self._guarded("saved states", lambda: self.save_states(lasting=lasting))
            self._states_saved_ns = now if lasting else self._states_saved_ns
        if now - self._saved_ns >= SAVE_NS:
            self._guarded("saved series and labels", self._save)
            self._saved_ns = now

    def commit(self, *, everything: bool = True) -> None:
        """Make rows durable, and look at what became of that."""
        self._store.commit(everything=everything)
        self.look()
        if self._store.settled:
            self._labels.committed()

    def look(self, repairs: Sequence[Repair] = ()) -> None:
        """Open findings about what the store does not take, and what it had to repair; so were `repairs`."""
        self._disk.tell(repairs)
        self._disk.look()

    def save_states(self, *, lasting: bool = True) -> None:
        """Keep every detector's state, for a restart, where every row that was judged is durable."""
        if self._store.settled:
            mark = self._store.mark()
            for monitor in self._monitors.values():
                monitor.save(mark, lasting=lasting)

    def finish(self) -> None:
        """Make everything durable: the agent ends."""
        self._guarded("buffer", self.commit)
        self._guarded("saved states", self.save_states)
        self._guarded("saved series and labels", lambda: self._save(last=True))

    def _save(self, *, last: bool = False) -> None:
        self._series.save(last=last)
        if self._store.settled:
            self._labels.save()
