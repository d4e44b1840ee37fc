"""What a person reads of a destination."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from msgspec import structs

from agent.status import DestinationStatus
from tests.exporters.statuses import NOW, make_status
from tui.format import local_time
from tui.forwarding_lines import destination_text
from tui.text import render_status


def text(**known: Any) -> str:
    """Describe a destination."""
    return destination_text(DestinationStatus(name="hq", kind="otlp", url="https://a.example", **known), NOW)


def test_a_destination_that_is_up_to_date_says_so() -> None:
    """One line: when something arrived, and that nothing waits."""
    at = NOW - timedelta(minutes=3)
    assert text(last_accepted=at) == f"hq: last accepted {local_time(at, NOW)}; nothing waits"


def test_trouble_and_what_waits_are_said_in_words() -> None:
    """For how long, what went wrong, how much waits since when and how coarse, what was refused and what is lost."""
    since = NOW - timedelta(days=3)
    said = text(
        trouble="no answer within 30 s", trouble_s=260_000.0, waiting_summaries=4_320, waiting_since=since,
        waiting_findings=2, window_s=3_600, dead_letters=1, dropped=5,
    )  # fmt: skip
    assert said == (
        f"hq: nothing accepted yet; fails for 3 d: no answer within 30 s; 4,320 minutes of summaries since "
        f"{local_time(since, NOW)}, sent in windows of 1 h and 2 finding reports wait; 1 parcel refused "
        "(driftline outbox says why); 5 minutes of summaries made room before they were sent"
    )


def test_one_waits_and_two_wait() -> None:
    """The verb agrees with what waits."""
    said = [text(waiting_findings=count).rpartition("; ")[2] for count in (1, 2)]
    assert said == ["1 finding report waits", "2 finding reports wait"]
    assert text(waiting_summaries=1).endswith("; 1 minute of summaries waits")
    assert text(waiting_summaries=1, waiting_findings=1).endswith("; 1 minute of summaries and 1 finding report wait")


def test_the_status_has_a_line_for_each_destination() -> None:
    """Two destinations, two lines; none where nothing is forwarded."""
    plain = make_status()
    names = ("hq", "site")
    both = tuple(DestinationStatus(name=name, kind="otlp", url="https://a.example") for name in names)
    lines = render_status(structs.replace(plain, destinations=both)).splitlines()
    assert [line.split()[1] for line in lines if line.startswith("forward ")] == ["hq:", "site:"]
    assert "forward " not in render_status(plain)
