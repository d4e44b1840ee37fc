"""Bundles of this device: made while they are sent to whoever asked, and settled when that one has them on a disk.

A bundle holds what the queue named BUNDLE has not handed over yet; the place in it moves when the file was written, and
not before. So a stick that was full or pulled out costs nothing: the next bundle holds the same and what came since.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from typing import TYPE_CHECKING

from agent.frames import MOST_BYTES, Verdict
from agent.outbound import BUNDLE, Egress, FindingChange
from agent.outbound_ports import OutboxAwayError
from exporters.bundle.reduced import reduced
from exporters.forwarding.config import FINDINGS_FIELD
from exporters.forwarding.lines import waiting_status
from exporters.window_samples import samples_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path

    from agent.clock import Clock
    from agent.outbound import Origin, Parcel
    from agent.outbound_ports import Draft, Drafts
    from agent.status import DestinationStatus
    from exporters.bundle.config import BundleConfig
    from exporters.bundle.file import BundleWriter
    from exporters.forwarding.forwarder import Run

COUNT_NS = 30_000_000_000  # from one count of what waits to the next
_BATCH_BYTES = 250_000  # that the queue is asked for at once, between which the pipeline has its thread to itself


class _Making:
    """A bundle that is being made, or that waits to be settled."""

    def __init__(self, origin: Origin, draft: Draft) -> None:
        self.id, self.origin, self.draft = os.urandom(8).hex(), origin, draft
        self.parcels = self.bytes = 0
        self.fields: set[str] = set()
        self.is_whole = False


class Bundler:
    """Makes the bundles of one device, one at a time.

    Parameters
    ----------
    drafts
        What waits; asked through `run` alone.
    run
        Runs a function in the pipeline's thread.
    origin
        Who sends.
    config
        What may leave.
    state_dir
        Where the key is kept.
    clock
        Time.

    """

    def __init__(
        self,
        drafts: Drafts,
        run: Run,
        origin: Origin,
        config: BundleConfig,
        state_dir: Path,
        clock: Clock,
    ) -> None:
        self._drafts, self._run = drafts, run
        self._origin, self._config = origin, config
        self._state_dir, self._clock = state_dir, clock
        self._making: _Making | None = None
        self._settled = ""  # the id of the last one that was
        self._settling = asyncio.Lock()
        self._key = asyncio.Lock()  # the first who asks for the key makes it
        self._waiting: DestinationStatus | None = None
        self._counted_ns = -COUNT_NS

    def waiting(self) -> DestinationStatus | None:
        """Say what a bundle would carry, as of half a minute ago at most. In the pipeline's thread."""
        now_ns = self._clock.monotonic_ns()
        if now_ns - self._counted_ns >= COUNT_NS:
            self._counted_ns = now_ns
            with contextlib.suppress(OutboxAwayError):  # then it is as it was
                self._waiting = waiting_status(self._drafts.waiting(BUNDLE))
        return self._waiting

    async def pieces(self, *, again: bool) -> AsyncGenerator[bytes | Verdict, None]:
        """Give a bundle, and last a verdict whose rows are its parcels; where nothing waits, the verdict alone.

        With `again` it begins where the last one did. One that was not settled is forgotten, and so is this one
        where it is not taken to its end.
        """
        making = None
        try:
            async with self._key:
                writer = await asyncio.to_thread(_writer, self._state_dir)
            making = self._making = await self._run(functools.partial(self._start, again=again))
            while parcels := await self._run(functools.partial(self._more, making)):
                piece = b"" if making.bytes else self._begin(writer, making)
                piece += await asyncio.to_thread(writer.add, parcels)
                making.bytes += len(piece)
                making.parcels += len(parcels)
                for at in range(0, len(piece), MOST_BYTES):
                    yield piece[at : at + MOST_BYTES]
            if making.parcels:
                last = writer.end()
                making.bytes += len(last)
                yield last
            making.is_whole = True
            yield Verdict(rows=making.parcels)
        except (OutboxAwayError, OSError, ValueError) as error:
            yield Verdict(error=f"the bundle cannot be made now: {error}")
        finally:
            if making is not None and self._making is making and not making.is_whole:
                self._making = None  # its draft holds a part of the queue

    async def written(self, bundle_id: str, file: str) -> None:
        """Settle a bundle that is in a file. Raises KeyError for one that is not the last, OutboxAwayError.

        For the one that was settled last it does nothing: whoever repeats it has missed the answer.
        """
        async with self._settling:
            if bundle_id != self._settled:
                await self._settle(bundle_id, file)

    async def _settle(self, bundle_id: str, file: str) -> None:
        making = self._making
        if making is None or making.id != bundle_id or not making.is_whole:
            raise KeyError(bundle_id)
        line = Egress(
            time_ns=self._clock.wall_ns(), destination=BUNDLE, address=file, parcels=making.parcels,
            accepted=making.parcels, bytes=making.bytes, fields=tuple(sorted(making.fields)),
        )  # fmt: skip
        await self._run(functools.partial(self._drafts.keep, making.draft, line))
        self._settled = bundle_id
        if self._making is making:  # no other was begun meanwhile
            self._making = None

    async def key(self) -> str:
        """Return the fingerprint of the device's key. Raises OSError, ValueError."""
        async with self._key:
            return await asyncio.to_thread(_fingerprint, self._state_dir)

    def _start(self, *, again: bool) -> _Making:
        return _Making(self._origin, self._drafts.begin(BUNDLE, again=again))

    def _begin(self, writer: BundleWriter, making: _Making) -> bytes:
        return writer.begin(making.id, making.origin, self._clock.wall_ns(), self._config.names)

    def _more(self, making: _Making) -> list[Parcel]:
        """Return the next parcels as they may leave, none after the last. In the pipeline's thread."""
        while batch := making.draft.next(_BATCH_BYTES):
            if kept := self._reduced(batch.parcels, making):
                return kept
        return []

    def _reduced(self, parcels: Sequence[Parcel], making: _Making) -> list[Parcel]:
        kept = []
        for parcel in parcels:
            left = reduced(parcel, self._config.may_leave, FINDINGS_FIELD)
            if left is None:
                continue
            kept.append(left)
            if isinstance(left.content, FindingChange):
                making.fields.add(FINDINGS_FIELD)
            else:
                names = {sample.metric.name for sample in samples_of(making.origin, left.content)}
                making.fields |= {name for name in names if self._config.may_leave(name)}
        return kept


def _writer(state_dir: Path) -> BundleWriter:
    """Return what signs with the device's key, which may have to be made and written first."""
    from exporters.bundle.file import BundleWriter  # noqa: PLC0415  # loads cryptography, which seldom anybody needs
    from exporters.bundle.key import device_key  # noqa: PLC0415  # the same

    return BundleWriter(device_key(state_dir))


def _fingerprint(state_dir: Path) -> str:
    from exporters.bundle.key import device_key, fingerprint  # noqa: PLC0415  # loads cryptography

    return fingerprint(device_key(state_dir).public_key().public_bytes_raw())
