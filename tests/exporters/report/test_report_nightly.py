from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from agent.clock import ManualClock
from exporters.report.config import ReportConfig
from exporters.report.document import Agreement
from exporters.report.nightly import KIND, NAME, NightlyReport
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.model import Severity

EVENING_NS = 1_795_000_000_000_000_000 // 86_400_000_000_000 * 86_400_000_000_000 + 20 * 3_600 * 10**9
KEY = "meter-reader@abababababab"
WRITE = """
import sys
from pathlib import Path
for path, content in zip(sys.argv[1::2], sys.argv[2::2]):
    Path(path).write_text(content)
    print(path)
    print(path.replace(".json", ".html"))
"""


class Memory:
    """Keeps states, and notices that were opened."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, str], bytes] = {}
        self.notices: list[tuple[str, str, str, str]] = []

    def put_state(self, stream_key: str, part: str, payload: bytes) -> None:
        self.states[stream_key, part] = payload

    def get_state(self, stream_key: str, part: str) -> bytes | None:
        return self.states.get((stream_key, part))

    def state_keys(self, part: str) -> list[str]:
        return [key for key, kept in self.states if kept == part]

    def notice(self, kind: str, sentence: str, advice: str, evidence: str, severity: Severity = "warning") -> None:
        self.notices.append((kind, sentence, advice + evidence, severity))


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if the extra was installed, on a device that lives by UTC."""
    with monkeypatch.context() as patch:
        patch.setattr("exporters.report.nightly.missing", lambda: None)
        patch.setattr("exporters.report.nightly.too_little", lambda: None)
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def agreement(*, material: bool) -> str:
    """The JSON file of a report, as far as it is read."""
    said = Agreement(
        verdict="disagree" if material else "agree", material=material, both=(), driftline_only=(),
        sentence="Evidently: 3 of 14 columns drifted; Driftline: no finding.", reasons=("first", "a rhythm"),
        evidently_only=("brightness",) if material else (),
    )  # fmt: skip
    return msgspec.json.encode({"format": 1, "key": KEY, "agreement": said, "more": [1]}).decode()


class Nights:
    """A nightly report on a clock of its own, whose command is a fake."""

    def __init__(self, folder: Path, memory: Memory, *command: str) -> None:
        self.clock = ManualClock(EVENING_NS)
        self.folder, self.memory = folder, memory
        self.nightly = NightlyReport(
            ReportConfig(nightly="03:30"), [sys.executable, "-c", *command], folder, self.clock, memory.notice, memory
        )

    @property
    def note(self) -> tuple[bool, str]:
        """How the part is."""
        (health,) = self.nightly.health()
        assert health.name == NAME
        return health.ok, health.note

    def reach_half_past_three(self) -> None:
        """Let the hours go by, looking as often as the agent does, roughly."""
        for _ in range(24 * 60):
            self.clock.advance(60.0)
            self.nightly.tick()
            if self.note != (True, "waits for 03:30") and self.clock.wall_ns() // 10**9 % 86_400 == 12_600:
                return
        raise AssertionError(f"it did not start: {self.note}")

    def one_night(self) -> None:
        """Let a whole run go by."""
        self.reach_half_past_three()

        def over() -> bool:
            self.nightly.tick()
            return self.note[1] != "is being written"

        wait_until(over, "the report to be written")


def written(folder: Path, *, material: bool) -> tuple[str, ...]:
    """A command that writes one report."""
    return (WRITE, str(folder / "driftline-cam-m-20261118T033000Z.json"), agreement(material=material))


def test_it_waits_for_its_time_and_then_says_how_it_went(tmp_path: Path) -> None:
    """Nothing runs before; afterwards the health says what the report said."""
    nights = Nights(tmp_path / "reports", Memory(), *written(tmp_path / "reports", material=False))
    assert (nights.note, (tmp_path / "reports").exists()) == ((True, "waits for 03:30"), False)
    nights.one_night()
    ok, note = nights.note
    assert (ok, f"{KEY}: Evidently: 3 of 14 columns drifted" in note) == (True, True)
    assert nights.memory.notices == []


def test_a_disagreement_is_told_once_until_the_two_have_agreed_again(tmp_path: Path) -> None:
    """Another night of the same is no news, not after a restart either; the next disagreement is."""
    memory, folder = Memory(), tmp_path / "reports"
    for _ in range(3):
        Nights(folder, memory, *written(folder, material=True)).one_night()
    assert len(memory.notices) == 1
    kind, sentence, rest, severity = memory.notices[0]
    assert (kind, severity, sentence.startswith(f"{KEY}: ")) == (KIND, "info", True)
    assert f"{folder}/driftline-cam-m-20261118T033000Z.html" in rest
    assert rest.endswith("Driftline: no finding. a rhythm")
    Nights(folder, memory, *written(folder, material=False)).one_night()
    Nights(folder, memory, *written(folder, material=True)).one_night()
    assert len(memory.notices) == 2


def test_a_run_that_fails_shows_in_the_health_with_its_last_words(tmp_path: Path) -> None:
    """And the next night is tried again."""
    nights = Nights(tmp_path, Memory(), "import sys; print('driftline: out of paper', file=sys.stderr); sys.exit(1)")
    for _ in range(2):
        nights.one_night()
        ok, note = nights.note
        assert (ok, note.endswith("driftline: out of paper")) == (False, True)


@pytest.mark.parametrize("content", ["{", "{}", '{"key": 3}'])
def test_a_report_that_cannot_be_read_is_a_failure_of_this_part_alone(tmp_path: Path, content: str) -> None:
    """The tick goes on."""
    nights = Nights(tmp_path, Memory(), WRITE, str(tmp_path / "driftline-c-m-20261118T033000Z.json"), content)
    nights.one_night()
    assert nights.note[0] is False


def test_a_folder_that_cannot_be_made_is_a_failure_of_this_part_alone(tmp_path: Path) -> None:
    """A read-only state directory, for example."""
    (tmp_path / "file").write_text("")
    nights = Nights(tmp_path / "file" / "reports", Memory(), "pass")
    nights.one_night()
    assert (nights.note[0], "NotADirectoryError" in nights.note[1]) == (False, True)


def test_a_second_is_not_started_beside_one_that_still_runs(tmp_path: Path) -> None:
    """One that hangs is ended after hours; closing ends it at once, politely."""
    marker = tmp_path / "starts"
    code = f"import time\nopen({str(marker)!r}, 'a').write('x')\ntime.sleep(600)"
    nights = Nights(tmp_path / "reports", Memory(), code)
    nights.reach_half_past_three()
    wait_until(marker.exists, "the command to start")
    for _ in range(5 * 60):
        nights.clock.advance(60.0)
        nights.nightly.tick()
    assert (nights.note, marker.read_text()) == ((True, "is being written"), "x")
    for _ in range(70):
        nights.clock.advance(60.0)
        nights.nightly.tick()
    assert nights.note == (False, "took longer than 6 h")
    nights.nightly.close()


def test_closing_ends_the_report_that_is_being_written(tmp_path: Path) -> None:
    """It is asked to, so that it can take away what it had begun."""
    done = tmp_path / "done"
    code = (
        "import signal, sys, time\n"
        f"def stop(*_): open({str(done)!r}, 'w').write('asked'); sys.exit(1)\n"
        f"signal.signal(signal.SIGTERM, stop); open({str(tmp_path / 'up')!r}, 'w').close(); time.sleep(600)"
    )
    nights = Nights(tmp_path / "reports", Memory(), code)
    nights.reach_half_past_three()
    wait_until((tmp_path / "up").exists, "the command to be up")
    nights.nightly.close()
    assert done.read_text() == "asked"
    nights.nightly.close()


def test_without_the_extra_the_health_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the agent's start on, not only after the first night."""
    monkeypatch.setattr("exporters.report.nightly.missing", lambda: "a report needs evidently")
    assert Nights(tmp_path, Memory(), "pass").note == (False, "a report needs evidently")


def test_without_room_nothing_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report beyond the group's limit would cost the agent its life; the health says so from the start on."""
    monkeypatch.setattr("exporters.report.nightly.too_little", lambda: "no room")
    marker = tmp_path / "started"
    nights = Nights(tmp_path / "reports", Memory(), f"open({str(marker)!r}, 'w')")
    assert nights.note == (False, "no room")
    nights.reach_half_past_three()
    nights.nightly.tick()
    assert (nights.note, marker.exists()) == ((False, "no room"), False)
