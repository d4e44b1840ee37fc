"""Bundles for tests of the local API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.frames import Verdict
from agent.outbound_ports import OutboxAwayError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


class BundlingAnswers:
    """A bundle of two pieces."""

    def __init__(self) -> None:
        self.settled: list[tuple[str, str]] = []

    async def pieces(self, *, again: bool) -> AsyncGenerator[bytes | Verdict, None]:
        yield b"again" if again else b"first"
        yield b"end"
        yield Verdict(rows=2)

    async def written(self, bundle_id: str, file: str) -> None:
        if bundle_id == "away":
            raise OutboxAwayError("the disk is full")
        if bundle_id != "b-1":
            raise KeyError(bundle_id)
        self.settled.append((bundle_id, file))

    async def key(self) -> str:
        return "SHA256:abc"
