"""What one agent hands over to the next: which findings and references, and what becomes of what cannot be read."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from agent.handover import VARIABLE, Handover, collect, hand_out, leave, take
from agent.saved import FIRST_ROW, ORIGIN, REFERENCE, ROWS, TRAINING
from agent.status import Repair
from tests.agent.buffer.blocks import make_block, make_finding, opened

if TYPE_CHECKING:
    from pathlib import Path

    from agent.buffer import Buffer

PARTS = {ROWS: b"rows", ORIGIN: b"origin", FIRST_ROW: b"7", REFERENCE: b"reference"}


def _put(buffer: Buffer, key: str, parts: dict[str, bytes]) -> None:
    for part, payload in parts.items():
        buffer.put_state(key, part, payload)


def test_findings_and_references_go_from_store_to_store(tmp_path: Path) -> None:
    """What is stored already stays; of what is over the newest are enough, and rows around none are looked for."""
    (tmp_path / "memory").write_text("in the way")
    with opened(tmp_path / "memory") as memory:
        assert memory.status().mode == "memory"
        for at in range(120):
            moment = datetime(2026, 11, 18, tzinfo=UTC) + timedelta(minutes=at)
            memory.save_finding(replace(make_finding(f"over-{at}", "closed"), opened=moment))
        memory.save_finding(make_finding("open"))
        _put(memory, "known", PARTS)
        _put(memory, "new", PARTS)
        _put(memory, "learning", {TRAINING: b"training"})
        memory.append([make_block(10)], [])
        memory.commit()
        handed = collect(memory, 3, [Repair("mended")])
    assert (handed.failures, handed.repairs) == (3, [Repair("mended")])
    assert handed.after({"a.ring": 4, "b.ring": 5}) == {"a.ring": 10, "b.ring": 5}
    assert handed.after({"a.ring": 40}) == {"a.ring": 40}
    with opened(tmp_path / "disk") as disk:
        disk.save_finding(make_finding("stored"))
        _put(disk, "known", {REFERENCE: b"stored"})
        hand_out(handed, disk)
        assert "open" in disk._keeping._known
    with opened(tmp_path / "disk") as disk:
        found = {finding.id: finding.state for finding in disk.findings(everything=True)}
        assert {name for name in found if name.startswith("over")} == {f"over-{at}" for at in range(20, 120)}
        assert len(found) == 102
        assert disk.get_state("learning", TRAINING) == b"training"
        assert (found["open"], found["stored"]) == ("open", "open")
        assert {part: disk.get_state("new", part) for part in PARTS} == PARTS
        assert (disk.get_state("known", REFERENCE), disk.get_state("known", ROWS)) == (b"stored", None)


def test_what_is_left_is_taken_once(tmp_path: Path) -> None:
    """Through a file without a name, which the next program has open."""
    handed = Handover(failures=2, findings=[make_finding("one")], references={"key": PARTS})
    leave(handed, tmp_path)
    assert list(tmp_path.iterdir()) == []
    number = int(os.environ[VARIABLE])
    assert os.get_inheritable(number)
    assert take() == handed
    assert take() == Handover()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)


def test_what_cannot_be_left_or_read_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next agent starts all the same, with nothing."""
    leave(Handover(failures=1), tmp_path / "missing")
    assert "could not be handed over" in caplog.text
    assert take() == Handover()
    file = tmp_path / "other"
    file.write_bytes(b"something else")
    for number in (os.open(file, os.O_RDONLY), "none"):
        monkeypatch.setenv(VARIABLE, str(number))
        assert take() == Handover()
    assert caplog.text.count("cannot be read") == 2
