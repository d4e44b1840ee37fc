"""On a full disk findings, acknowledgements and states are stored in the room that was kept for them."""

from __future__ import annotations

import random
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
import pytest

from agent.buffer import BufferConfig
from agent.model import Cause, Finding, SignalEvidence
from tests.agent.buffer.blocks import ask, make_block, make_finding, opened
from tests.faults.counts import KILLS
from tests.faults.mounts import fill, mounted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FINDINGS = 1_000 if KILLS else 300
CONFIG = BufferConfig(reserve_mib=8 * FINDINGS / 1_000)


@contextmanager
def cut_off(directory: Path, tmp_path: Path) -> Iterator[Path]:
    """What a power cut would leave now, on a disk with room."""
    copy = tmp_path / "cut"
    shutil.copytree(directory, copy)
    yield copy
    shutil.rmtree(copy)


def full_finding(seeded: random.Random) -> Finding:
    """A finding as the detectors make them: 3 kB, most of it figures that do not compress."""
    names = ("value", "threshold", "psi", "ks", "wasserstein", "reference_mean", "recent_mean", "psi_noise", "ks_noise")
    signals = tuple(
        SignalEvidence(name=f"s{at}", role="input", detector="shift", **{name: seeded.random() for name in names})
        for at in range(5)
    )
    causes = tuple(Cause("sensor", f"c{at}", 0.2, f"from {seeded.random()} to {seeded.random()}") for at in range(4))
    sentence = f"The images are darker than they were: from {seeded.random():.3f} to {seeded.random():.3f}."
    return msgspec.structs.replace(
        make_finding(f"{seeded.getrandbits(64):x}"), signals=signals, causes=causes, sentence=sentence
    )


@pytest.mark.faults
def test_a_full_disk_takes_findings_and_states_but_no_rows(tmp_path: Path) -> None:
    """A thousand findings and ten states of 200 kB are durable without a free byte; rows wait until there is room."""
    seeded = random.Random(4)
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=80m", "tmpfs") as disk:
        with opened(disk / "state", CONFIG) as buffer:
            buffer.append([make_block(10)], [])
            buffer.commit()
            fill(disk / "hog")
            findings = [full_finding(seeded) for _ in range(FINDINGS)]
            states = [seeded.randbytes(200 * FINDINGS) for _ in range(10)]
            for number, finding in enumerate(findings):
                buffer.save_finding(finding)
                if number % (FINDINGS // 10) == 0:
                    buffer.put_state("camera", "monitor", states[number * 10 // FINDINGS])
            seen = msgspec.structs.replace(findings[7], state="acknowledged", note="seen")
            buffer.save_finding(seen)
            buffer.append([make_block(10, first=10)], [])
            buffer.commit()
            assert buffer.positions() == {"a.ring": 10}
            assert [note for note in buffer.status().notes if note.startswith("the disk is full: findings and states")]
            with cut_off(disk / "state", tmp_path) as left, opened(left, CONFIG) as again:
                expected = {finding.id: finding for finding in [*findings, seen]}
                assert {finding.id: finding for finding in again.findings()} == expected
                assert again.get_state("camera", "monitor") == states[-1]
                assert again.positions() == {"a.ring": 10}
            (disk / "hog").unlink()
            buffer.commit()
            assert (disk / "state" / "reserve").stat().st_size == round(CONFIG.reserve_mib * 16) << 16
            assert buffer.positions() == {"a.ring": 20}
            assert buffer.status().notes == ()
            buffer.commit()
            told = ask(buffer, "SELECT detail FROM events WHERE kind = 'disk' ORDER BY detail")
        assert told == [
            ["the disk is full: findings and states use the reserve, rows wait"],
            ["there is room again"],
        ]


def test_whatever_fills_the_disk_does_not_take_the_reserve_at_once(tmp_path: Path) -> None:
    """A process that takes every byte that comes free leaves room for one finding after the other, for a while."""
    with (
        mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=80m", "tmpfs") as disk,
        opened(disk / "state") as buffer,
    ):
        seeded = random.Random(4)
        for number in range(4):
            fill(disk / f"hog{number}")
            buffer.save_finding(full_finding(seeded))
            with cut_off(disk / "state", tmp_path) as left, opened(left) as again:
                assert len(again.findings()) == number + 1
        assert buffer._files.reserve.held == 0


def test_a_start_on_a_full_disk_uses_the_reserve(tmp_path: Path) -> None:
    """An agent that starts there gives it back when it has something to store."""
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=80m", "tmpfs") as disk:
        with opened(disk / "state"):
            pass
        fill(disk / "hog")
        with opened(disk / "state") as buffer:
            buffer.append([make_block(10)], [])
            buffer.commit()
            buffer.save_finding(make_finding())
            assert (buffer.status().mode, buffer.positions()) == ("disk", {})
            with cut_off(disk / "state", tmp_path) as left, opened(left) as again:
                assert again.findings() == [make_finding()]
