"""What an eMMC says of its own wear, under /sys/block/mmcblk*/device. SD cards say nothing, and have no reading.

JESD84-B51: `life_time` holds two estimates of how much of the card's life is used, of its fast (SLC) and its dense
(MLC) blocks: 0x01 is up to 10 %, 0x0A up to 100 %, 0x0B more. `pre_eol_info` tells of the spare blocks: 0x01 normal,
0x02 80 % used up, 0x03 90 %. 0x00 is "not defined". Most kernels read them from the card once, at boot.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from collectors.sysfs import MAX_SENSORS, Measured, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIFE = "hw.physical_disk.endurance_utilization"
_CARD = re.compile(r"mmcblk\d+")  # and none of its boot partitions, which are the same card
_BLOCKS = ("slc", "mlc")
_STEPS = 10
_EXCEEDED = 0x0B
_WARNING, _URGENT = 0x02, 0x03


def read_cards(root: Path) -> Iterator[Measured]:
    """Return what is left of each card's life, at least, and whether it says that its end is near."""
    cards = (path for path in sorted((root / "sys/block").glob("mmcblk*")) if _CARD.fullmatch(path.name))
    for card in islice(cards, MAX_SENSORS):
        for blocks, used in zip(_BLOCKS, read_text(card / "device/life_time").split(), strict=False):
            steps = _register(used)
            if steps is not None and 0 < steps <= _EXCEEDED:
                left = max(0, _STEPS - steps) / _STEPS
                yield Measured(
                    "hw.physical_disk.endurance_utilization", "1", left, f"{card.name} {blocks}", "remaining"
                )
        spare = _register(read_text(card / "device/pre_eol_info"))
        if spare is not None and 0 < spare <= _URGENT:
            yield Measured("hw.status", "1", float(spare >= _WARNING), card.name, "degraded")
            yield Measured("hw.status", "1", float(spare >= _URGENT), card.name, "predicted_failure")


def _register(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None
