from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from agent.model import Cause
from agent.status import TruthStatus
from tests.tui.fake_cases import fouling
from tests.tui.fake_stream import CAMERA, NOW, signals, stream
from tui.spans import plain
from tui.stream_lines import signals_lines
from tui.tables import finding_line
from tui.words import alarmed, in_short, truth_text

TRUTH = TruthStatus(
    kind="class", labels=1000, recent=500, accuracy=0.97, accuracy_low=0.95, accuracy_high=0.98,
    newest=NOW - timedelta(minutes=5),
)  # fmt: skip


def test_labels_from_before_a_finding_do_not_speak_for_now() -> None:
    """Where the newest label is older than the onset, the accuracy is told in the past."""
    since = truth_text(TRUTH, NOW, NOW - timedelta(minutes=9))
    assert since == "true accuracy 97% (95 to 98) by the last 500 of 1,000 labels, for answers until 5 min ago"
    before = truth_text(TRUTH, NOW, NOW - timedelta(minutes=2))
    assert before == (
        "true accuracy was 97% (95 to 98) by the last 500 of 1,000 labels, before this began: of now labels say nothing"
    )
    few = truth_text(replace(TRUTH, middle=NOW - timedelta(minutes=10)), NOW, NOW - timedelta(minutes=9))
    assert few == (
        "true accuracy was 97% (95 to 98) by the last 500 of 1,000 labels, "
        "most for answers from before this began: of now labels say little"
    )
    assert truth_text(replace(TRUTH, middle=NOW - timedelta(minutes=8)), NOW, NOW - timedelta(minutes=9)) == since


def test_signal_stays_at_alarm_while_any_open_finding_names_it() -> None:
    """A detector starts anew after its alarm; the screen keeps what it found until the finding is closed."""
    first = replace(fouling(), signals=fouling().signals[:1])
    second = replace(fouling(), id="f-2", signals=fouling().signals[1:2])
    other = replace(fouling(), stream=replace(CAMERA, model="another"))
    found = alarmed([first, second, other], CAMERA.key)
    assert found == {"sharpness", "contrast"}
    calm = stream(signals=signals(fouled=False))
    lines = [plain(line) for line in signals_lines(calm, found, 80)]
    assert {line.split()[0] for line in lines if "ALARM" in line} == found


def test_snoozed_finding_carries_a_mark_until_it_wakes() -> None:
    """While it is snoozed a z stands beside it, also where someone has seen it; then as before."""
    snoozed = replace(fouling("acknowledged"), snoozed_until=NOW + timedelta(hours=1))
    marks = [plain(finding_line(snoozed, now, 80))[9] for now in (NOW, NOW + timedelta(hours=2))]
    assert marks == ["z", "✓"]


def test_short_form_begins_with_the_likely_cause() -> None:
    """A line that will be cut says first what is likelier than not; a mere guess does not come before the facts."""
    said = "contrast fell from 0.282 to 0.161; most likely: camera sees less light."
    finding = replace(fouling(), sentence=said, causes=(Cause("sensor", "camera sees less light", 0.9, ""),))
    assert in_short(finding) == "camera sees less light: contrast fell from 0.282 to 0.161"
    assert in_short(replace(finding, causes=(Cause("sensor", "camera sees less light", 0.5, ""),))) == said
    assert in_short(replace(finding, causes=())) == said
