from __future__ import annotations

from agent.commands.doctor import agent_checks
from agent.status import PartHealth
from tests.exporters.statuses import make_status, make_stream, replaced

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
