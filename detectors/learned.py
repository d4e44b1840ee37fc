"""What a stream looked like when it was learned: frozen, bounded in memory, stored and restored."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from agent.model import Signal
from detectors.bets import Bank
from detectors.calibration import Calibration, restore_calibration
from detectors.context import Context
from detectors.described import describe_signal
from detectors.grid import Grid
from detectors.joint import Joint
from detectors.packing import pack, unpack
from detectors.profile import Profile
from detectors.relations import Relations
from detectors.statistics import BASE, StatisticSet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from agent.baselines import SignalBaseline

FORMAT = 4


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
            "signals": [[s.name, s.role, s.kind, s.unit] for s in self.signals],
            "rows": self.rows,
            "notes": list(self.notes),
            "banks": len(self.banks),
            "lengths": self.lengths,
            "sample": self.sample,
        }
        for field in fields(Grid):
            items[f"grid.{field.name}"] = getattr(self.grid, field.name)
        for name in ("kinds", "views", "values", "owners", "parts", "part_values", "outputs"):
            items[f"statistics.{name}"] = getattr(self.statistics, name)
        for field in fields(Relations):
            items[f"relations.{field.name}"] = getattr(self.statistics.relations, field.name)
        for field in fields(Joint):
            items[f"joint.{field.name}"] = getattr(self.joint, field.name)
        for field in fields(Context):
            items[f"context.{field.name}"] = getattr(self.context, field.name)
        for field in fields(Profile):
            items[f"profile.{field.name}"] = getattr(self.profile, field.name)
        if self.calibration is not None:
            items["truth"] = self.truth
            items |= {f"calibration.{name}": item for name, item in self.calibration.items().items()}
        for at, bank in enumerate(self.banks):
            for field in fields(Bank):
                items[f"bank{at}.{field.name}"] = getattr(bank, field.name)
        return pack("reference", FORMAT, items)


def decode_reference(data: bytes) -> Reference:
    """Read what `Reference.encode` wrote. Raises ValueError for anything else."""
    items = unpack(data, "reference", FORMAT)

    def part(prefix: str) -> dict[str, Any]:
        return {name.removeprefix(prefix): item for name, item in items.items() if name.startswith(prefix)}

    try:
        return Reference(
            signals=msgspec.convert(
                [dict(zip(("name", "role", "kind", "unit"), s, strict=True)) for s in items["signals"]],
                tuple[Signal, ...],
            ),
            rows=int(items["rows"]),
            notes=tuple(items["notes"]),
            lengths=items["lengths"],
            grid=Grid(**part("grid.")),
            statistics=StatisticSet(
                **(part("statistics.") | {"outputs": tuple(items["statistics.outputs"])}),
                relations=Relations(**part("relations.")),
            ),
            banks=tuple(Bank(**part(f"bank{at}.")) for at in range(items["banks"])),
            joint=Joint(**part("joint.")),
            context=Context(**part("context.")),
            profile=Profile(**part("profile.")),
            sample=items["sample"],
            calibration=restore_calibration(part("calibration.")) if "calibration.rows" in items else None,
            truth=items.get("truth"),
        )
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise ValueError(f"stored reference is damaged: {error}") from error
