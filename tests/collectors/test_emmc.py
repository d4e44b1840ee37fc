from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.clock import ManualClock
from agent.model import Reading
from collectors.emmc import read_cards
from collectors.host import HostCollector
from collectors.sysfs import Measured

if TYPE_CHECKING:
    from pathlib import Path

LIFE = "hw.physical_disk.endurance_utilization"


def make_card(root: Path, name: str, life: str | None = None, spare: str | None = None) -> None:
    """A card as the kernel shows it."""
    device = root / "sys/block" / name / "device"
    device.mkdir(parents=True)
    for file, text in (("life_time", life), ("pre_eol_info", spare)):
        if text is not None:
            (device / file).write_text(text + "\n")


def test_a_card_says_what_is_left_of_its_life(tmp_path: Path) -> None:
    """Each kind of block has the least that is left; spare blocks that are used up are states."""
    make_card(tmp_path, "mmcblk0", "0x01 0x04", "0x02")
    assert list(read_cards(tmp_path)) == [
        Measured(LIFE, "1", 0.9, "mmcblk0 slc", "remaining"),
        Measured(LIFE, "1", 0.6, "mmcblk0 mlc", "remaining"),
        Measured("hw.status", "1", 1.0, "mmcblk0", "degraded"),
        Measured("hw.status", "1", 0.0, "mmcblk0", "predicted_failure"),
    ]


@pytest.mark.parametrize(("used", "left"), [("0x0a", 0.0), ("0x0B", 0.0), ("0x09", 0.1)])
def test_a_card_at_its_end_has_nothing_left(tmp_path: Path, used: str, left: float) -> None:
    """The last tenth counts as none: the register says only that it was begun."""
    make_card(tmp_path, "mmcblk1", used)
    assert [measured.value for measured in read_cards(tmp_path)] == [left]


@pytest.mark.parametrize("text", ["", "0x00 0x00", "0xff 0xff", "unknown", "-1 0x0c"])
def test_what_is_not_defined_is_not_made_up(tmp_path: Path, text: str) -> None:
    """A register of 0, one that no standard knows, and an empty file give no reading."""
    make_card(tmp_path, "mmcblk0", text, text.split(" ", maxsplit=1)[0])
    assert list(read_cards(tmp_path)) == []


def test_sd_cards_and_boot_partitions_are_passed_over(tmp_path: Path) -> None:
    """An SD card has no such files, and a boot partition is the same card again."""
    make_card(tmp_path, "mmcblk0boot0", "0x01 0x01", "0x01")
    make_card(tmp_path, "mmcblk0")
    make_card(tmp_path, "sda", "0x01 0x01", "0x01")
    assert list(read_cards(tmp_path)) == []


def test_the_host_collector_reads_cards(tmp_path: Path) -> None:
    """They are among the readings of the device, with their labels."""
    make_card(tmp_path, "mmcblk0", "0x02 0x03")
    readings = [item for item in HostCollector(ManualClock(5), tmp_path).collect() if isinstance(item, Reading)]
    assert [reading for reading in readings if reading.name == LIFE] == [
        Reading(LIFE, "1", left, 5, (("sensor", f"mmcblk0 {blocks}"), ("state", "remaining")))
        for blocks, left in (("slc", 0.8), ("mlc", 0.7))
    ]
