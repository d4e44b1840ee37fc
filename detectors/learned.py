"""What a stream looked like when it was learned: frozen, bounded in memory, stored and restored."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from detectors.bets import Bank
from detectors.calibration import Calibration, restore_calibration
from detectors.context import Context
from detectors.described import describe_signal
from detectors.grid import Grid
from detectors.joint import Joint
from detectors.packing import pack, part_of, plain_signals, read_signals, unpack
from detectors.profile import Profile
from detectors.relations import Relations
from detectors.statistics import BASE, StatisticSet

if TYPE_CHECKING:
    import numpy as np
    from _typeshed import DataclassInstance
    from numpy.typing import NDArray

    from agent.baselines import SignalBaseline
    from agent.model import Signal

FORMAT = 5


@dataclass(frozen=True)
class Reference:
    """A frozen reference. Conforms to `agent.ports.Reference`; made by `fit_reference` or `decode_reference`."""

    signals: tuple[Signal, ...]
    rows: int
    notes: tuple[str, ...]
    lengths: NDArray[np.int64]  # [S] block length in base blocks, 0 where rows are independent
    grid: Grid
    statistics: StatisticSet
    banks: tuple[Bank, ...]
    joint: Joint
    context: Context
    profile: Profile
    sample: NDArray[np.float32]  # [r, S] some of its rows, evenly spaced in time
    calibration: Calibration | None = None  # None: no labels were there
    truth: NDArray[np.float32] | None = None  # [r] of `sample`: 1 the answer was right, 0 it was wrong, NaN not known

    def encode(self) -> bytes:
        """Return the stored form, which `decode_reference` reads."""
        return self._encoded

    def describe(self) -> tuple[SignalBaseline, ...]:
        """Return what people want to know of each signal."""
        blocks = (self.lengths * BASE).tolist()
        rhythmic = set(self.statistics.signals[self.context.index].tolist())
        days = [self.context.days if at in rhythmic else 0 for at in range(len(self.signals))]
        return tuple(
            describe_signal(self.sample, self.profile, blocks[at] or 1, at, signal, days[at])
            for at, signal in enumerate(self.signals)
        )

    @property
    def fingerprint(self) -> int:
        """A checksum that ties a detector's state to the reference that it was made against."""
        return zlib.crc32(self._encoded)

    def column(self, name: str) -> int | None:
        """Give the column of a signal, or None."""
        return next((at for at, signal in enumerate(self.signals) if signal.name == name), None)

    @cached_property
    def _encoded(self) -> bytes:
        items: dict[str, Any] = {
            "signals": plain_signals(self.signals),
            "rows": self.rows,
            "notes": list(self.notes),
            "banks": len(self.banks),
            "lengths": self.lengths,
            "sample": self.sample,
        }
        items |= _stored("grid", self.grid)
        for name in ("kinds", "views", "values", "owners", "parts", "part_values", "outputs"):
            items[f"statistics.{name}"] = getattr(self.statistics, name)
        items |= _stored("relations", self.statistics.relations)
        items |= _stored("joint", self.joint) | _stored("context", self.context) | _stored("profile", self.profile)
        if self.calibration is not None:
            items["truth"] = self.truth
            items |= _stored("calibration", self.calibration)
        for at, bank in enumerate(self.banks):
            items |= _stored(f"bank{at}", bank)
        return pack("reference", FORMAT, items)


def _stored(name: str, part: DataclassInstance) -> dict[str, Any]:
    return {f"{name}.{field.name}": getattr(part, field.name) for field in fields(part)}


def decode_reference(data: bytes) -> Reference:
    """Read what `Reference.encode` wrote. Raises ValueError for anything else."""
    items = unpack(data, "reference", FORMAT)
    try:
        return Reference(
            signals=read_signals(items["signals"]),
            rows=int(items["rows"]),
            notes=tuple(items["notes"]),
            lengths=items["lengths"],
            grid=Grid(**part_of(items, "grid")),
            statistics=StatisticSet(
                **(part_of(items, "statistics") | {"outputs": tuple(items["statistics.outputs"])}),
                relations=Relations(**part_of(items, "relations")),
            ),
            banks=tuple(Bank(**part_of(items, f"bank{at}")) for at in range(items["banks"])),
            joint=Joint(**part_of(items, "joint")),
            context=Context(**part_of(items, "context")),
            profile=Profile(**part_of(items, "profile")),
            sample=items["sample"],
            calibration=restore_calibration(part_of(items, "calibration")) if "calibration.rows" in items else None,
            truth=items.get("truth"),
        )
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise ValueError(f"stored reference is damaged: {error}") from error
