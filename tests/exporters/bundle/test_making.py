from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import pytest

from agent.buffer.outgoing.drafts import Drafts
from agent.buffer.outgoing.outbox import Outbox
from agent.clock import ManualClock
from agent.frames import MOST_BYTES, Verdict
from agent.outbound import BUNDLE, FindingChange, Window
from exporters.bundle.config import BundleConfig
from exporters.bundle.file import Bundle
from exporters.bundle.key import fingerprint
from exporters.bundle.making import Bundler
from tests.agent.buffer.outgoing.memory_store import MemoryStore
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
    assert write(bundler, tmp_path / "a") == Verdict(rows=2 + 2 * 12)
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
        settle(bundler, tmp_path / "b")


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
