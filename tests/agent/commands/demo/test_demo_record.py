from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from agent.commands.demo.record import Reading, Record, Truth
from agent.model import AccuracyEstimate
from tests.agent.commands.demo.fake_demo_agent import make_finding, make_status

if TYPE_CHECKING:
    from agent.status import Status

START = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)


def truth(event: str, seconds: float, inferences: int, **more: object) -> Truth:
    """Make a line of the service."""
    none = Reading()
    return Truth(
        event=event,
        time=START + timedelta(seconds=seconds),
        seconds=seconds,
        inferences=inferences,
        failures=0,
        dropped_images=0,
        **{"before": none, "growing": none, "full": none, **more},  # type: ignore[arg-type]  # fields by name
    )


def status(estimate: float | None) -> Status:
    """Make a status with an estimated accuracy."""
    made = make_status(100, ())
    accuracy = estimate and AccuracyEstimate(
        rows=1_000, estimate=estimate, low=0.0, high=1.0, calibrated=True, valid=True
    )
    return msgspec.structs.replace(made, streams=(msgspec.structs.replace(made.streams[0], accuracy=accuracy),))


def record(*, with_fault: bool = True) -> Record:
    """Make the record of half a minute, with a fault after 25 s."""
    kept = Record()
    kept.hear(truth("ready", 0.0, 0, probe_p50_ns=900.0))
    kept.hear(truth("progress", 20.0, 2_000))
    if with_fault:
        kept.hear(truth("onset", 25.0, 2_500, onset_index=2_500, onset_seconds=25.0))
    kept.hear(truth("progress", 30.0, 2_900))
    return kept


def test_the_delay_counts_images_between_the_service_lines() -> None:
    """An alarm half-way between two lines has half of the images between them."""
    kept = record()
    kept.note([make_finding(START + timedelta(seconds=27.5))])
    assert kept.delay_inferences(kept.detections()[0]) == 200
    assert kept.result(rss_bytes=None, cpu_percent=None).detected_s == 27.5


def test_an_alarm_before_the_fault_is_false() -> None:
    """A finding that opened before the fault began is a false alarm and no detection."""
    kept = record()
    kept.note([make_finding(START + timedelta(seconds=24.0))])
    result = kept.result(rss_bytes=None, cpu_percent=None)
    assert (result.false_alarms, result.detected_s, result.kinds) == (1, None, [])


def test_every_alarm_of_a_healthy_run_is_false() -> None:
    """Without a fault each finding counts."""
    kept = record(with_fault=False)
    kept.note([make_finding(START + timedelta(seconds=s)) for s in (5.0, 29.0)])
    assert kept.result(rss_bytes=None, cpu_percent=None).false_alarms == 2


def test_a_notice_of_lost_records_after_a_kill_is_no_false_alarm() -> None:
    """A finding without signals counts unless the agent was killed: then it tells what is true."""
    kept = record()
    kept.note([make_finding(START + timedelta(seconds=10.0), signals=())])
    assert kept.result(rss_bytes=None, cpu_percent=None).false_alarms == 1
    kept.restarts = 1
    assert kept.result(rss_bytes=None, cpu_percent=None).false_alarms == 0


def test_a_finding_is_known_by_its_newest_state() -> None:
    """What a finding says is what it said last, whatever the order in which its states are seen."""
    kept = record()
    early = make_finding(START + timedelta(seconds=26.0))
    late = make_finding(START + timedelta(seconds=26.0), signals=("sharpness",))
    late = type(late)(
        **{name: getattr(late, name) for name in late.__struct_fields__ if name != "updated"},
        updated=late.updated + timedelta(seconds=3),
    )
    assert [early] == kept.note([early])
    assert kept.note([late]) == []
    assert kept.note([early]) == []
    assert [late] == kept.detections()


def test_accuracy_after_is_that_of_the_whole_fault() -> None:
    """While a fault grows its readings count only where there are no others."""
    kept = record()
    kept.hear(truth("progress", 31.0, 3_000, before=Reading(100, 97), growing=Reading(100, 80)))
    growing = kept.result(rss_bytes=None, cpu_percent=None)
    kept.hear(truth("end", 60.0, 6_000, before=Reading(100, 97), growing=Reading(100, 80), full=Reading(3, 1)))
    full = kept.result(rss_bytes=None, cpu_percent=None)
    assert (growing.accuracy_before, growing.accuracy_after, full.accuracy_after) == (0.97, 0.8, 0.3333)


def test_estimates_are_told_apart_by_the_onset() -> None:
    """The last one before the fault and the last one there was; a status without any changes nothing."""
    kept = Record()
    kept.hear(truth("ready", 0.0, 0))
    for share in (0.99, 0.98):
        kept.look(status(share))
    kept.hear(truth("onset", 25.0, 2_500, onset_index=2_500, onset_seconds=25.0))
    kept.look(status(0.4))
    kept.look(status(None))
    result = kept.result(rss_bytes=None, cpu_percent=None)
    assert [e and e.estimate for e in (result.estimate_before, result.estimate_after)] == [0.98, 0.4]
