"""Room on the disk is kept, and given back in steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.buffer import BufferConfig
from agent.buffer.reserve import STEPS, Reserve
from tests.agent.buffer.blocks import opened

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20


def test_the_room_is_really_taken(tmp_path: Path) -> None:
    """The file's blocks are allocated, not a hole."""
    reserve = Reserve(tmp_path, 4 * MIB)
    file = (tmp_path / "reserve").stat()
    assert (file.st_size, file.st_blocks * 512) == (4 * MIB, 4 * MIB)
    assert (reserve.size, reserve.held, reserve.in_use) == (4 * MIB, 4 * MIB, False)


def test_it_is_given_back_in_steps_and_taken_again(tmp_path: Path) -> None:
    """A quarter at a time; once there is room it is whole again."""
    reserve = Reserve(tmp_path, 4 * MIB)
    held = []
    while reserve.give_back():
        assert (tmp_path / "reserve").stat().st_size == reserve.held
        held.append(reserve.held // MIB)
    assert held == [3, 2, 1, 0]
    assert len(held) == STEPS
    assert reserve.in_use
    assert reserve.refill()
    assert (reserve.held, reserve.in_use) == (4 * MIB, False)


def test_a_start_finds_what_an_earlier_one_left(tmp_path: Path) -> None:
    """Part of it is made whole, and what was set to less shrinks; none is kept where none is wanted."""
    Reserve(tmp_path, 4 * MIB).give_back()
    assert Reserve(tmp_path, 4 * MIB).held == 4 * MIB
    assert Reserve(tmp_path, 2 * MIB).held == (tmp_path / "reserve").stat().st_size == 2 * MIB
    none = Reserve(tmp_path, 0)
    assert (none.in_use, none.give_back(), (tmp_path / "reserve").stat().st_size) == (False, False, 0)


def test_it_can_be_set_and_switched_off(tmp_path: Path) -> None:
    """`reserve_mib` says how much; 0 writes no file."""
    with opened(tmp_path / "some", BufferConfig(reserve_mib=0.5)):
        assert (tmp_path / "some" / "reserve").stat().st_size == MIB // 2
    with opened(tmp_path / "none", BufferConfig(reserve_mib=0)):
        assert not (tmp_path / "none" / "reserve").exists()
