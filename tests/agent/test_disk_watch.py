"""A disk that takes nothing is told of once, for as long as it lasts."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import structs

from agent.clock import ManualClock
from agent.disk_watch import DiskWatch
from agent.events import Events
from agent.findings import FindingBook
from agent.notices import Notices
from agent.status import BufferStatus, StorageTrouble
from tests.agent.fakes import MemoryStore, PlainExplainer

FULL = StorageTrouble(
    kind="full", since=datetime(2026, 11, 18, tzinfo=UTC), sentence="The disk is full.", advice="Free room.",
    error="No space left on device", nothing=False,
)  # fmt: skip
WORSE = structs.replace(FULL, sentence="The disk is full: nothing is stored.", nothing=True)


class FullStore(MemoryStore):
    """Has the trouble that it is given."""

    trouble: StorageTrouble | None = None
    notes: tuple[str, ...] = ()  # of a state directory that could not be used, the first says why

    def status(self) -> BufferStatus:
        """Describe it."""
        mode = "memory" if self.notes else "disk"
        return structs.replace(super().status(), trouble=self.trouble, mode=mode, notes=self.notes)


class Watched:
    """A watch, as after a start on what `store` keeps."""

    def __init__(self, store: FullStore) -> None:
        self.clock, self.store = ManualClock(), store
        self.book = FindingBook(PlainExplainer(), store)
        self.events = Events(store, self.clock)
        self._watch = DiskWatch(store, Notices(self.book, self.events, self.clock))

    def look(self, trouble: StorageTrouble | None, times: int = 1) -> list[tuple[str, str, str]]:
        """Look while there is this trouble; return how all findings stand."""
        self.store.trouble = trouble
        for _ in range(times):
            self._watch.look()
            self.clock.advance(5)
        return [(f.state, f.severity, f.sentence) for f in self.store.findings(everything=True)]


def test_a_full_disk_is_one_finding_however_long_it_lasts_and_closes_when_it_heals() -> None:
    """A thousand looks store one state of it, and the history has a line for its beginning and its end."""
    watched = Watched(FullStore())
    assert watched.look(FULL, 1_000) == [("open", "warning", FULL.sentence)]
    assert len(watched.store.history) == 1
    assert watched.look(None, 1_000) == [("closed", "warning", FULL.sentence)]
    assert watched.store.history[-1].note == "everything is stored again"
    assert len(watched.store.events) == 2


def test_a_state_directory_that_is_not_used_is_one_finding_until_it_is() -> None:
    """In the words of the start, whatever else there is to note; another agent, on disk, closes it."""
    watched = Watched(FullStore())
    for count in range(100):
        watched.store.notes = ("read-only file system", f"{count} rows were discarded")
        ((state, severity, sentence),) = watched.look(None)
        assert (state, severity, "read-only file system" in sentence) == ("open", "critical", True)
    assert len(watched.store.history) == 1
    watched.store.notes = ()
    after = Watched(watched.store)
    assert [state for state, *_ in after.look(None)] == ["closed"]
    assert watched.store.history[-1].note == "the state directory is used again"


def test_what_becomes_worse_is_said_in_the_same_finding() -> None:
    """Where not even findings are stored any more the finding says so, and is critical."""
    watched = Watched(FullStore())
    watched.look(FULL)
    assert watched.look(WORSE, 10) == [("open", "critical", WORSE.sentence)]
    assert len(watched.store.history) == 2


def test_a_person_who_has_seen_it_is_not_told_again() -> None:
    """It stays acknowledged while it lasts, with the note, and closes by itself."""
    watched = Watched(FullStore())
    watched.look(FULL)
    (finding,) = watched.book.open_findings()
    watched.book.acknowledge(finding.id, "on my way", watched.clock.wall_ns())
    assert watched.look(FULL, 10) == [("acknowledged", "warning", FULL.sentence)]
    assert watched.look(None) == [("closed", "warning", FULL.sentence)]
    assert watched.store.history[-1].note == "on my way"


def test_it_goes_on_over_a_restart_and_one_that_healed_meanwhile_is_closed() -> None:
    """A later agent finds it, and neither opens another nor leaves it open."""
    store = FullStore()
    Watched(store).look(FULL)
    assert Watched(store).look(FULL) == [("open", "warning", FULL.sentence)]
    assert Watched(store).look(None) == [("closed", "warning", FULL.sentence)]
