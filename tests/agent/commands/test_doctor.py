from __future__ import annotations

from datetime import UTC, datetime

from agent.commands.doctor import agent_checks
from agent.commands.doctor_buffer import buffer_checks, storage_checks
from agent.model import Reading
from agent.status import BufferStatus, PartHealth, StorageTrouble, WearStatus
from tests.exporters.statuses import make_finding, make_status, make_stream, replaced

CAMERA, PUMP = make_stream("camera"), make_stream("pump")
NOTHING = "watches nothing here: no signal fits nope"


def _results(beginning: str, **changes: object) -> list[str]:
    """The results of the checks whose text begins so."""
    status = make_status(**changes)  # type: ignore[arg-type]  # fields of a status
    return [check.result for check in agent_checks(status) if check.text.startswith(beginning)]


def _parts(status: object, *names: str) -> object:
    parts = tuple(PartHealth(name=name, ok=True, note=NOTHING) for name in names)
    return replaced(status, parts=parts)


def test_a_stream_with_something_wrong_is_not_ok() -> None:
    """Doctor leads to the findings; it fails for what is wrong with the installation only."""
    critical = replaced(PUMP, state="critical")
    assert _results("stream ", streams=(CAMERA, critical)) == ["ok", "note"]


def test_what_was_closed_as_real_and_goes_on_is_told() -> None:
    """No open finding explains the warning any more."""
    known = make_finding(state="closed", verdict="real")
    told = f"{known.stream.model}: closed as real, still going on: {known.sentence}"
    assert _results(told, known=(known,)) == ["note"]


def test_a_river_table_that_watches_nothing_anywhere_is_not_ok() -> None:
    """Where another stream has its signal, it does what it was asked."""
    agent = make_status().agent
    names = [f"{stream.key} river adwin" for stream in (CAMERA, PUMP)]
    nowhere = _parts(agent, *names)
    assert _results(names[0], streams=(CAMERA, PUMP), agent=nowhere) == ["note"]
    assert _results(names[0], streams=(CAMERA, PUMP), agent=_parts(agent, names[0])) == ["ok"]


def test_the_notes_of_a_reference_are_told() -> None:
    """Such as a text that is given as a feature, of which no number ever comes."""
    noted = replaced(PUMP, reference_notes=("mode: never a number; of a text, send a code",))
    assert _results(f"stream {PUMP.key}: mode: never a number", streams=(noted,)) == ["note"]


def _buffer(**changes: object) -> BufferStatus:
    usual: dict[str, object] = {
        "path": "/state", "mode": "disk", "bytes": 5 << 20, "limit_bytes": 1 << 30, "segments": 3, "rows": 7,
        "reserve_bytes": 8 << 20, "reserve_limit_bytes": 8 << 20,
        "wear": WearStatus(written_bytes=3 << 20, limit_bytes=256 << 20),
    }  # fmt: skip
    return BufferStatus(**usual | changes)  # type: ignore[arg-type]  # fields of a status


def test_a_healthy_buffer_is_told_with_its_figures() -> None:
    """Files, sizes, reserve and what was written, each in its line."""
    assert [(check.result, check.text) for check in buffer_checks(_buffer())] == [
        ("ok", "buffer in /state: disk, 3 segments, 5.2 MB of 1.1 GB, 0 rows discarded"),
        ("ok", "reserve for findings on a full disk: 8.4 MB of 8.4 MB are there"),
        ("ok", "written in the last 24 h: 3.1 MB of 268 MB"),
    ]


def test_a_disk_that_takes_nothing_fails_with_what_to_do() -> None:
    """The sentence, what the system says, and the advice."""
    trouble = StorageTrouble(
        kind="read-only", since=datetime(2026, 11, 18, tzinfo=UTC), sentence="It has turned read-only.",
        advice="Replace the card.", error="Read-only file system", nothing=True,
    )  # fmt: skip
    (check,) = [check for check in buffer_checks(_buffer(trouble=trouble)) if check.result == "fail"]
    assert check.text == "It has turned read-only. The system says: Read-only file system"
    assert check.advice == "Replace the card."


def test_what_is_wrong_with_the_buffer_is_told() -> None:
    """A reserve in use fails; thinning, older segments, notes and quarantine are told."""
    old = "(1 of an older version, read as they are)"
    why = "no rows are kept outside findings and learning: what is written would pass 268 MB a day"
    wear = WearStatus(written_bytes=250 << 20, limit_bytes=256 << 20, thinning=2, why=why)
    checks = buffer_checks(
        _buffer(reserve_bytes=6 << 20, wear=wear, outdated_segments=1, quarantine_bytes=2 << 20, notes=("a note",))
    )
    assert [(check.result, check.text) for check in checks] == [
        ("ok", f"buffer in /state: disk, 3 segments {old}, 5.2 MB of 1.1 GB, 0 rows discarded"),
        ("fail", "reserve for findings on a full disk: 6.3 MB of 8.4 MB are there"),
        ("note", f"written in the last 24 h: 262 MB of 268 MB; {why}"),
        ("note", "buffer: a note"),
        ("note", "set aside as damaged, or before an upgrade: 2.1 MB in /state/quarantine"),
    ]  # fmt: skip


def test_what_the_system_does_not_tell_is_not_made_up() -> None:
    """Without a count of written bytes there is no figure."""
    texts = [check.text for check in buffer_checks(_buffer(wear=WearStatus(written_bytes=None, limit_bytes=1 << 28)))]
    assert texts[2] == "written in the last 24 h: an unknown amount of 268 MB"


def test_storage_that_wears_out_fails() -> None:
    """A card tells what is left of it; one that is well says so, and other alarms are none of its own."""
    name = "hw.physical_disk.endurance_utilization"
    host = [
        Reading(name, "1", 0.7, 0, (("sensor", "mmcblk0 slc"),)),
        Reading(name, "1", 0.0, 0, (("sensor", "mmcblk0 mlc"),)),
        Reading("hw.status", "1", 1.0, 0, (("sensor", "mmcblk0"), ("state", "degraded"))),
        Reading("hw.status", "1", 0.0, 0, (("sensor", "mmcblk0"), ("state", "predicted_failure"))),
        Reading("hw.status", "1", 1.0, 0, (("sensor", "in0"), ("state", "failed"))),
    ]
    assert [(check.result, check.text) for check in storage_checks(host)] == [
        ("ok", "storage mmcblk0 slc: 70% or more of its life left"),
        ("fail", "storage mmcblk0 mlc: less than 10% of its life left"),
        ("fail", "storage mmcblk0: 80 % of its spare blocks are used up"),
    ]
