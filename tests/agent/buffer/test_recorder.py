"""What is kept of a stream: samples and minutes always, all rows around a finding; none twice, none uncounted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from agent.buffer import CaptureConfig
from agent.model import Signal
from agent.summary import summarise
from agent.truth import LabelRecord
from tests.agent.buffer.blocks import CAMERA, NOW_NS, ask, make_finding, make_reading
from tests.agent.buffer.device import DESCRIBED, RATE, SECOND_NS, Device, a_finding

if TYPE_CHECKING:
    from pathlib import Path

    from agent.buffer import Buffer


def test_a_calm_stream_is_sampled_and_counted(tmp_path: Path) -> None:
    """One row in a hundred, whose weights sum to the number of inferences, and a summary a minute."""
    device = Device(tmp_path)
    device.run(600)
    stored, stood_for, distinct = device.counts()
    assert stood_for + device.waiting == 600 * RATE
    assert stored == distinct
    assert 250 < stored < 350
    assert ask(device.buffer, "SELECT count(*), sum(inferences)::INT, max(failed) FROM summaries") == [[10, 28_000, 0]]
    device.buffer.close()


def test_summaries_are_read_back_as_they_were_made(tmp_path: Path) -> None:
    """Counts, histograms and bins to the bit, moments to float32; in SQL by signal."""
    device = Device(tmp_path)
    blocks = [device.block() for _ in range(20)]  # up to the full minute
    for block in blocks:
        device.clock.advance(1)
        device.buffer.append([block], [])
    device.clock.advance(5)
    device.buffer.append([device.block()], [])
    device.buffer.commit()
    ((number, found),) = device.buffer.summaries_since(0)
    edges = {name: np.array([0.0, 100.0], np.float32) for name in ("brightness", "contrast")}
    made = summarise(blocks, found.time_ns, 60.0, edges, "r1")
    assert (number, found.stream, found.statuses, found.latency, found.buckets, found.reference) == (
        1, CAMERA, made.statuses, made.latency, made.buckets, "r1",
    )  # fmt: skip
    assert [(s.signal, s.bins) for s in found.signals] == [(s.signal, s.bins) for s in made.signals]
    for read, own in zip(found.signals, made.signals, strict=True):
        assert tuple(msgspec.structs.astuple(read.moments)) == pytest.approx(msgspec.structs.astuple(own.moments))
    sql = 'SELECT signal, count, mean, "max" FROM signal_summaries ORDER BY signal'
    assert ask(device.buffer, sql) == [["brightness", 1_000, 499.5, 999.0], ["contrast", 1_000, 0.0, 0.0]]
    device.buffer.close()


def test_everything_around_a_finding_is_stored_once_and_counted_once(tmp_path: Path) -> None:
    """From so long before until so long after, without a gap, and the sum of all weights is exact."""
    device = Device(tmp_path, recorder=CaptureConfig(before_seconds=60, after_seconds=30))
    device.run(200)
    opened = device.rows
    device.buffer.save_finding(a_finding())
    device.run(20)
    device.buffer.save_finding(msgspec.structs.replace(a_finding(), note="ripened"))
    device.run(100)
    stored, stood_for, distinct = device.counts()
    assert stored == distinct
    assert stood_for + device.waiting == 320 * RATE
    since, until = opened - 60 * RATE, opened + 29 * RATE
    within = f"SELECT count(*) FROM inferences WHERE brightness >= {since} AND brightness < {until}"
    assert ask(device.buffer, within) == [[89 * RATE]]
    assert ask(device.buffer, 'SELECT finding, epoch("until") - epoch(since) FROM windows') == [["f-1", 90.0]]
    device.buffer.close()


def test_overlapping_findings_write_their_rows_once(tmp_path: Path) -> None:
    """The second one lengthens the window of the first."""
    device = Device(tmp_path, recorder=CaptureConfig(before_seconds=60, after_seconds=30))
    device.run(100)
    device.buffer.save_finding(a_finding())
    device.run(10)
    device.buffer.save_finding(a_finding("f-2"))
    device.run(60)
    stored, stood_for, distinct = device.counts()
    assert (stored, stood_for) == (distinct, 170 * RATE - device.waiting)
    device.buffer.close()


def test_a_notice_of_the_agent_and_other_modes_open_no_window(tmp_path: Path) -> None:
    """A repaired file says nothing about the model."""
    for folder, finding, config in (("a", make_finding(), {}), ("b", a_finding(), {"capture": "sampled"})):
        (tmp_path / folder).mkdir()
        device = Device(tmp_path / folder, **config)
        device.run(100)
        device.buffer.save_finding(finding)
        device.run(10)
        assert device.counts()[0] < 100
        assert ask(device.buffer, "SELECT count(*) FROM windows") == [[0]]
        device.buffer.close()


def test_a_flood_of_findings_stays_within_the_days_allowance(tmp_path: Path) -> None:
    """What is beyond it is sampled, counted, and said."""
    device = Device(tmp_path, recorder=CaptureConfig(daily_mib=0.05, before_seconds=5, after_seconds=5))
    for at in range(60):
        device.run(10)
        device.buffer.save_finding(a_finding(f"f-{at}"))
    stored, stood_for, distinct = device.counts()
    assert stored == distinct
    assert stood_for + device.waiting == 600 * RATE
    assert stored < 0.05 * (1 << 20) / 33 + 600
    assert any("only sampled" in note for note in device.buffer.status().notes)
    device.buffer.close()


@pytest.mark.parametrize("after", [22, 118, 125, 170])
def test_a_killed_agent_goes_on_counting(tmp_path: Path, after: int) -> None:
    """In the calm, before and in the middle of a window: no row twice, no inference uncounted, no minute wrong."""
    device = Device(tmp_path, recorder=CaptureConfig(before_seconds=60, after_seconds=30))
    told = False
    for _ in range(2):  # killed twice, for good measure
        target = device.rows // RATE + after
        while device.rows // RATE < target:
            if device.rows // RATE >= 110 and not told:
                told = True
                device.buffer.save_finding(a_finding())
            device.run(1)
            if device.rows // RATE % 5 == 4:
                device.buffer.commit(everything=False)
        device.kill()
    device.run(90)
    stored, stood_for, distinct = device.counts()
    assert stored == distinct
    assert stood_for + device.waiting == device.rows
    device.buffer.close()
    device.open()
    assert device.counts()[1] == device.rows
    assert ask(device.buffer, "SELECT sum(inferences)::BIGINT FROM summaries") == [[device.rows]]
    device.buffer.close()


def test_the_last_minutes_can_be_looked_back_on_whole(tmp_path: Path) -> None:
    """Without a gap, though only samples are stored; after a kill, too."""
    device = Device(tmp_path)
    device.run(300)
    device.buffer.commit()
    for buffer in (device.buffer, device.kill()):
        blocks = buffer.last_rows(CAMERA.key, 5_000)
        values = np.concatenate([block.values[:, 0] for block in blocks])
        assert values.tolist() == list(range(10_000, 15_000))
    device.buffer.close()


def test_samples_are_not_taken_for_rows_that_followed_one_another(tmp_path: Path) -> None:
    """After a power cut, which takes the run directory, what is stored in samples only is not given out."""
    device = Device(tmp_path)
    device.run(100)
    device.buffer.commit()
    mark = device.buffer.mark()
    device.run(100)
    device.buffer.commit()
    for path in (tmp_path / "run" / "recorder").iterdir():
        path.unlink()
    buffer = device.kill()
    assert buffer.last_rows(CAMERA.key, 5_000) == []
    with pytest.raises(OSError, match="only samples"):
        list(buffer.rows_since(CAMERA.key, mark))
    buffer.close()


def test_rows_that_were_not_kept_at_all_are_missed(tmp_path: Path) -> None:
    """After a power cut at a level that keeps none, the summaries tell that there were some."""
    device = Device(tmp_path)
    device.run(100)
    device.buffer.recorder.thin(2)
    device.run(100)
    device.buffer.commit()
    mark = device.buffer.mark()
    device.run(400)
    device.buffer.commit()
    for path in (tmp_path / "run" / "recorder").iterdir():
        path.unlink()
    buffer = device.kill()
    with pytest.raises(OSError, match="rows at least since the last saved state were not kept"):
        list(buffer.rows_since(CAMERA.key, mark))
    buffer.close()


def test_it_is_thinned_in_the_declared_order(tmp_path: Path) -> None:
    """A tenth of the samples, none, summaries of five minutes; another level is refused."""
    device = Device(tmp_path)
    counts = []
    device.run(120)
    for level in range(4):
        device.buffer.recorder.thin(level)
        before = device.counts()[0]
        device.run(600 if level in {0, 3} else 300)
        counts.append(device.counts()[0] - before)
    assert 250 < counts[0] < 350
    assert 7 < counts[1] < 23
    assert counts[2:] == [0, 0]
    longest = ask(device.buffer, "SELECT seconds, count(*) > 0 FROM summaries GROUP BY 1 ORDER BY 1")
    assert longest == [[60.0, True], [300.0, True]]
    with pytest.raises(ValueError, match="accepted is 0 to 3"):
        device.buffer.recorder.thin(4)
    device.buffer.close()


def test_what_is_kept_of_other_streams_is_thinned_too(tmp_path: Path) -> None:
    """Failed inferences are kept up to level 1; all rows that nobody judges at level 0, those learned from always."""
    device = Device(tmp_path)
    failing, unjudged, learning = (
        msgspec.structs.replace(CAMERA, model=name) for name in ("failing", "unjudged", "learning")
    )
    device.buffer.know_reference(failing.key, "r1", DESCRIBED)
    device.buffer.know_reference(learning.key, "", ())
    counts = []
    for level in range(4):
        device.buffer.recorder.thin(level)
        before = _stored_by_model(device.buffer)
        block = device.block(20)
        broken = replace(block, stream=failing, status=np.repeat(np.array([1, 0], np.uint8), [10, 990]))
        device.buffer.append([broken, replace(block, stream=unjudged), replace(block, stream=learning)], [])
        device.clock.advance(60)
        counts.append({model: now - before.get(model, 0) for model, now in _stored_by_model(device.buffer).items()})
    assert [one["learning"] for one in counts] == [1_000] * 4
    assert [one["unjudged"] for one in counts[:1] + counts[2:]] == [1_000, 0, 0]
    assert counts[1]["unjudged"] < 5
    assert min(one["failing"] for one in counts[:2]) >= 10
    assert [one["failing"] for one in counts[2:]] == [0, 0]
    device.buffer.close()
    reopened = device.open()
    counted = ask(reopened, "SELECT sum(failed)::INT FROM summaries WHERE model = 'failing'")
    assert counted == [[40]]
    reopened.close()


def _stored_by_model(buffer: Buffer) -> dict[str, int]:
    buffer.commit()
    return {
        str(model): int(str(count)) for model, count in ask(buffer, "SELECT model, count(*) FROM inferences GROUP BY 1")
    }


def test_readings_are_thinned_to_one_a_minute_and_whole_around_a_finding(tmp_path: Path) -> None:
    """Each reading once."""
    device = Device(tmp_path, recorder=CaptureConfig(before_seconds=60, after_seconds=30))
    for at in range(360):
        device.clock.advance(1)
        device.buffer.append([], [make_reading(float(at), time_ns=NOW_NS + at * SECOND_NS)])
        if at == 200:
            device.buffer.save_finding(a_finding())
    device.buffer.commit()
    assert ask(device.buffer, "SELECT count(*) = count(DISTINCT value) FROM readings") == [[True]]
    around = "SELECT count(*) FROM readings WHERE value BETWEEN 141 AND 229"
    assert ask(device.buffer, around) == [[89]]
    assert ask(device.buffer, "SELECT count(*) FROM readings WHERE value < 141 OR value > 229")[0][0] in range(3, 8)
    device.buffer.close()


def test_rows_are_kept_whole_while_a_reference_is_learned(tmp_path: Path) -> None:
    """Up to so many, so that a power cut does not cost them; then they are sampled, too."""
    device = Device(tmp_path, recorder=CaptureConfig(learning_rows=1_000))
    device.buffer.know_reference(CAMERA.key, "", ())
    device.run(20)
    assert device.counts()[0] == 1_000
    device.run(200)
    assert device.counts()[0] < 1_200
    device.buffer.close()


def test_every_row_is_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    """Each stands for itself, and minutes are summarised all the same."""
    device = Device(tmp_path, capture="all")
    device.run(130)
    assert device.counts() == (6_500, 6_500, 6_500)
    assert ask(device.buffer, "SELECT count(*) FROM summaries")[0][0] == 2
    device.buffer.close()


def test_of_a_labelled_model_every_answer_is_kept(tmp_path: Path) -> None:
    """Labels find inferences of which no row is stored; after a restart, too."""
    device = Device(tmp_path)
    answering = (Signal("brightness", "input"), Signal("prediction", "output", "categorical"))
    for labels in ([LabelRecord(number=1, id=1, told_ns=NOW_NS, model=CAMERA.model, key=CAMERA.key)], []):
        device.buffer.labels.append_labels(labels, "", 0)
        block = replace(device.block(20), signals=answering)
        ids = np.arange(len(block), dtype=np.uint64) + np.uint64(device.rows * 10 + 1)
        device.buffer.append([replace(block, ids=ids)], [])
        device.buffer.commit()
        found = device.buffer.labels.find_inferences(ids[:400], CAMERA.model)
        assert sorted(one.id for one in found) == ids[:400].tolist()
        assert device.counts()[0] < 100
        device.buffer.close()
        device.open()
    device.buffer.close()


def test_of_the_answers_a_tenth_is_kept_at_the_last_level(tmp_path: Path) -> None:
    """Up to then labels find every inference; then a random tenth of them, and no row more is stored for it."""
    device = Device(tmp_path)
    answering = (Signal("brightness", "input"), Signal("prediction", "output", "categorical"))
    label = LabelRecord(number=1, id=1, told_ns=NOW_NS, model=CAMERA.model, key=CAMERA.key)
    device.buffer.labels.append_labels([label], "", 0)
    found = []
    for level in range(4):
        device.buffer.recorder.thin(level)
        block = replace(device.block(20), signals=answering)
        ids = np.arange(len(block), dtype=np.uint64) + np.uint64(device.rows * 10 + 1)
        device.buffer.append([replace(block, ids=ids)], [])
        device.buffer.commit()
        found.append(len(device.buffer.labels.find_inferences(ids, CAMERA.model)))
    assert found[:3] == [20 * RATE] * 3
    assert 50 < found[3] < 170
    device.buffer.close()
