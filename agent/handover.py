"""What an agent that kept nothing hands over when it begins anew: its findings, and what its models are compared with.

The process becomes the new agent's, and a file that has no name goes with it: nothing is left behind, and nobody else
can write it.
"""

from __future__ import annotations

import logging
import os
import tempfile
from typing import TYPE_CHECKING

import msgspec

from agent.model import Finding  # noqa: TC001  # msgspec resolves the annotations at run time
from agent.saved import FIRST_ROW, ORIGIN, REFERENCE, ROWS, TRAINING
from agent.status import Repair  # noqa: TC001

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Protocol

    from agent.ports import StateStore

    class CarryingStore(StateStore, Protocol):
        """A store that keeps findings, and takes over others."""

        def findings(self, *, everything: bool = False) -> list[Finding]:
            """As a `FindingStore` does."""
            ...

        def positions(self) -> dict[str, int]:
            """As a `Store` does."""
            ...

        def carry(self, findings: Sequence[Finding]) -> None:
            """Take findings over, oldest first."""
            ...


VARIABLE = "DRIFTLINE_HANDOVER"  # the number of the file
_PARTS = (TRAINING, ROWS, ORIGIN, FIRST_ROW, REFERENCE)
_MOST_CLOSED = 100  # findings that are over, the newest

log = logging.getLogger("driftline.handover")


class Handover(msgspec.Struct, kw_only=True):
    """What is handed over; failures: how often the state directory could not be used.

    repairs: of that directory. findings: oldest first. references: their parts, by stream. positions: by source, what
    was taken in.
    """

    failures: int = 0
    repairs: list[Repair] = []
    findings: list[Finding] = []
    references: dict[str, dict[str, bytes]] = {}
    positions: dict[str, int] = {}

    def after(self, positions: dict[str, int]) -> dict[str, int]:
        """Return the later one of what was taken in, by source."""
        return positions | {source: max(seq, positions.get(source, seq)) for source, seq in self.positions.items()}


_decoder = msgspec.msgpack.Decoder(Handover)


def collect(store: CarryingStore, failures: int, repairs: list[Repair]) -> Handover:
    """Collect it from the store of the agent that ends. Raises as `findings` of the store."""
    keys = {*store.state_keys(REFERENCE), *store.state_keys(TRAINING)}
    findings = store.findings(everything=True)
    closed = [finding.id for finding in findings if finding.state == "closed"]
    old = set(closed[_MOST_CLOSED:])
    return Handover(
        failures=failures,
        repairs=repairs,
        findings=[finding for finding in findings[::-1] if finding.id not in old],
        references={
            key: {part: kept for part in _PARTS if (kept := store.get_state(key, part))} for key in sorted(keys)
        },
        positions=store.positions(),
    )


def hand_out(handed: Handover, store: CarryingStore) -> None:
    """Put it into the store of the agent that begins; a reference that is stored there stays."""
    store.carry(handed.findings)
    for key, parts in handed.references.items():
        if not store.get_state(key, REFERENCE):
            for part, payload in parts.items():
                store.put_state(key, part, payload)


def leave(handed: Handover, run_dir: Path) -> None:
    """Leave it for the program that this process becomes; what cannot be left is lost, and told."""
    try:
        with tempfile.TemporaryFile(dir=run_dir) as file:
            file.write(msgspec.msgpack.encode(handed))
            file.flush()
            kept = os.dup(file.fileno())
        os.set_inheritable(kept, True)  # noqa: FBT003  # as os has it
        os.environ[VARIABLE] = str(kept)
    except OSError as error:
        log.warning("findings could not be handed over: %s", error)


def take() -> Handover:
    """Take what was left, once; what cannot be read is told, and as if there were nothing."""
    number = os.environ.pop(VARIABLE, "")
    if not number:
        return Handover()
    try:
        with os.fdopen(int(number), "rb") as file:
            file.seek(0)
            return _decoder.decode(file.read())
    except (OSError, ValueError) as error:  # msgspec's errors are of the latter
        log.warning("what was handed over cannot be read: %s", error)
        return Handover()
