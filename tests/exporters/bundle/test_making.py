from __future__ import annotations

import asyncio
import gc
import weakref
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

import pytest

from agent.buffer.outgoing.drafts import Draft, Drafts
from agent.buffer.outgoing.outbox import Outbox
from agent.clock import ManualClock, utc
from agent.frames import MOST_BYTES, Verdict
from agent.outbound import BUNDLE, FindingChange, Window
from exporters.bundle.config import BundleConfig
from exporters.bundle.file import Bundle
from exporters.bundle.key import fingerprint
from exporters.bundle.making import Bundler
from tests.agent.buffer.outgoing.memory_store import MemoryStore
from tests.agent.buffer.outgoing.summaries import START_NS
from tests.exporters.windows import ORIGIN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")


async def at_once(function: Callable[[], T]) -> T:
    """Run it here."""
    return function()


def make(store: MemoryStore, folder: Path, config: BundleConfig | None = None) -> Bundler:
    """A device's."""
    return Bundler(Drafts(Outbox(store)), at_once, ORIGIN, config or BundleConfig(), folder, ManualClock())


class Watched(Drafts):
    """Knows which drafts are still held."""

    def __init__(self, outbox: Outbox) -> None:
        super().__init__(outbox)
        self.begun: list[weakref.ref[Draft]] = []

    def begin(self, destination: str, *, again: bool = False) -> Draft:
        draft = super().begin(destination, again=again)
        self.begun.append(weakref.ref(draft))
        return draft


def write(bundler: Bundler, path: Path, *, again: bool = False) -> Verdict:
    """Write a bundle into a file, as the command does; return its verdict."""

    async def go() -> Verdict:
        with path.open("wb") as file:
            async for piece in bundler.pieces(again=again):
                if isinstance(piece, Verdict):
                    return piece
                assert 0 < len(piece) <= MOST_BYTES
                file.write(piece)
        raise AssertionError("no verdict")

    return asyncio.run(go())


def settle(bundler: Bundler, path: Path) -> None:
    """Say that a file is safe."""
    asyncio.run(bundler.written(Bundle(path).header.id, str(path)))


def test_what_waits_is_in_the_file_and_gone_from_the_queue_when_the_file_is_safe(tmp_path: Path) -> None:
    """Signed with the device's key, and with a line in the ledger of what left."""
    store = MemoryStore()
    store.run(60)
    store.find(1)
    bundler = make(store, tmp_path)
    waiting = bundler.waiting()
    assert waiting is not None
    assert (waiting.waiting_summaries, waiting.waiting_findings) == (60, 1)
    assert waiting.waiting_since == utc(START_NS)
    assert write(bundler, tmp_path / "a") == Verdict(rows=2 + 2 * 12)
    assert 0.5 < waiting.waiting_bytes / 12 / 1_200 < 2  # a window of one signal every five minutes
    bundle = Bundle(tmp_path / "a")
    contents = [parcel.content for parcels in bundle.batches() for parcel in parcels]
    assert (len(contents), sum(isinstance(one, FindingChange) for one in contents)) == (26, 1)
    assert (bundle.header.origin, fingerprint(bundle.header.key)) == (ORIGIN, asyncio.run(bundler.key()))
    settle(bundler, tmp_path / "a")
    (line,) = store.lines
    assert (line.destination, line.address, line.parcels) == (BUNDLE, str(tmp_path / "a"), 26)
    assert line.bytes == (tmp_path / "a").stat().st_size
    assert {"findings", "driftline_inferences_total"} <= set(line.fields)
    assert "driftline_signal_least" not in line.fields
    assert write(bundler, tmp_path / "b") == Verdict()
    waiting = make(store, tmp_path).waiting()  # another one has counted nothing yet
    assert waiting is not None
    assert (waiting.waiting_summaries, waiting.waiting_findings, waiting.waiting_bytes) == (0, 0, 0)
    assert write(bundler, tmp_path / "c", again=True).rows == 26


def test_nothing_is_settled_that_was_not_written_whole(tmp_path: Path) -> None:
    """Neither one that is not known, nor one that was forgotten for another."""
    store = MemoryStore()
    store.run(60)
    bundler = make(store, tmp_path)
    write(bundler, tmp_path / "a")
    write(bundler, tmp_path / "b")
    with pytest.raises(KeyError):
        settle(bundler, tmp_path / "a")
    settle(bundler, tmp_path / "b")
    with pytest.raises(KeyError):
        settle(bundler, tmp_path / "a")


def test_settling_the_last_once_more_changes_nothing(tmp_path: Path) -> None:
    """Its answer may have been lost: no error, one line in the ledger, also at the same moment and after another."""
    store = MemoryStore()
    store.run(60)
    bundler = make(store, tmp_path)
    write(bundler, tmp_path / "a")
    name = Bundle(tmp_path / "a").header.id

    async def twice() -> None:
        await asyncio.gather(bundler.written(name, "a"), bundler.written(name, "a"))

    asyncio.run(twice())
    write(bundler, tmp_path / "b")
    settle(bundler, tmp_path / "a")
    assert len(store.lines) == 1
    assert write(bundler, tmp_path / "c", again=True).rows == 24


def test_one_that_nobody_takes_to_its_end_is_let_go(tmp_path: Path) -> None:
    """The stick was pulled out: what was read for the draft is free again, and all of it is in the next one."""
    store = MemoryStore()
    store.run(60)
    drafts = Watched(Outbox(store))
    bundler = Bundler(drafts, at_once, ORIGIN, BundleConfig(), tmp_path, ManualClock())

    async def leave() -> None:
        async with aclosing(bundler.pieces(again=False)) as pieces:
            await anext(pieces)

    asyncio.run(leave())
    gc.collect()
    assert [draft() for draft in drafts.begun] == [None]
    assert write(bundler, tmp_path / "a").rows == 24
    settle(bundler, tmp_path / "a")
    assert len(store.lines) == 1


def test_extremes_of_signals_leave_only_where_they_are_named(tmp_path: Path) -> None:
    """In the file they are not a number."""
    store = MemoryStore()
    store.run(10)
    fields = ("driftline_*", "driftline_signal_least")
    for name, config in (("a", BundleConfig()), ("b", BundleConfig(fields=fields))):
        write(make(store, tmp_path, config), tmp_path / name)
    found = {
        name: {
            signal.moments.least == signal.moments.least  # false for what is not a number
            for parcels in Bundle(tmp_path / name).batches()
            for parcel in parcels
            if isinstance(parcel.content, Window)
            for signal in parcel.content.summary.signals
        }
        for name in ("a", "b")
    }
    assert found == {"a": {False}, "b": {True}}


def test_a_key_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    """The answer is a verdict in words."""
    verdict = write(make(MemoryStore(), tmp_path / "none"), tmp_path / "a")
    assert verdict.error.startswith("the bundle cannot be made now: ")
