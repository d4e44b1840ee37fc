from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from agent.model import Cause
from agent.status import TruthStatus
from tests.tui.fake_cases import fouling
from tests.tui.fake_stream import NOW
from tui.words import in_short, truth_text

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


def test_short_form_begins_with_the_likely_cause() -> None:
    """A line that will be cut says first what is likelier than not; a mere guess does not come before the facts."""
    said = "contrast fell from 0.282 to 0.161; most likely: camera sees less light."
    finding = replace(fouling(), sentence=said, causes=(Cause("sensor", "camera sees less light", 0.9, ""),))
    assert in_short(finding) == "camera sees less light: contrast fell from 0.282 to 0.161"
    assert in_short(replace(finding, causes=(Cause("sensor", "camera sees less light", 0.5, ""),))) == said
    assert in_short(replace(finding, causes=())) == said
