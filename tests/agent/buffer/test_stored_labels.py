from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import duckdb
import numpy as np

from agent.buffer import BufferConfig, open_buffer
from agent.buffer.query import run_query
from agent.clock import ManualClock
from agent.model import Signal, Stream
from agent.truth import LabelRecord
from tests.agent.buffer.blocks import CAMERA, NOW_NS, make_block

if TYPE_CHECKING:
    from pathlib import Path

    from agent.buffer import Buffer
    from agent.model import Block

SIGNALS = (Signal("x", "input"), Signal("prediction", "output", "categorical"), Signal("confidence", "output"))


def named_block(first: int, count: int, stream: Stream = CAMERA) -> Block:
    """Inferences called `first` and on; the class is the id modulo 3, the confidence a half."""
    ids = np.uint64(first) + np.arange(count, dtype=np.uint64)
    values = np.column_stack([np.zeros(count), ids % 3, np.full(count, 0.5)]).astype(np.float32)
    block = make_block(count, names=("x", "y", "z"), stream=stream, time_ns=NOW_NS + first % 2**32)
    return dataclasses.replace(block, signals=SIGNALS, values=values, ids=ids)


def record(number: int, identity: int, **more: object) -> LabelRecord:
    """A label that was matched."""
    fields = {"value": 1.0, "key": CAMERA.key, "model": CAMERA.model, "error": 0.0, "told_ns": NOW_NS} | more
    return LabelRecord(number=number, id=identity, **fields)  # type: ignore[arg-type]


def opened(path: Path) -> Buffer:
    """Open a buffer."""
    return open_buffer(path, ManualClock(), BufferConfig())


def wanted(*ids: int) -> np.ndarray:
    """Ids as they are asked for."""
    return np.array(ids, np.uint64)


def test_inferences_are_found_by_their_ids(tmp_path: Path) -> None:
    """Committed rows are found with answer, confidence, time and stream; the largest ids too."""
    buffer = opened(tmp_path)
    buffer.append([named_block(10, 5), named_block(2**64 - 3, 3)], [])
    buffer.commit()
    found = buffer.labels.find_inferences(wanted(12, 2**64 - 1, 99), "")
    assert sorted((i.id, i.answer, i.confidence) for i in found) == [(12, 0.0, 0.5), (2**64 - 1, 0.0, 0.5)]
    by_id = {inference.id: inference for inference in found}
    assert by_id[12].time_ns == NOW_NS + 12
    assert by_id[12].stream == CAMERA
    assert buffer.labels.find_inferences(wanted(12), "another model") == []
    buffer.close()


def test_the_newest_of_inferences_with_one_id_is_found(tmp_path: Path) -> None:
    """An id that was used again means the later inference."""
    buffer = opened(tmp_path)
    later = dataclasses.replace(named_block(10, 1), time_ns=np.array([NOW_NS + 500], np.int64))
    later.values[:, 1] = 2
    buffer.append([named_block(10, 1), later], [])
    buffer.commit()
    (found,) = buffer.labels.find_inferences(wanted(10), "")
    assert (found.time_ns, found.answer) == (NOW_NS + 500, 2.0)
    buffer.close()


def test_labels_come_back_as_they_were(tmp_path: Path) -> None:
    """What is not known stays unknown; positions of label rings are kept with them; a reopened buffer has both."""
    buffer = opened(tmp_path)
    waiting = LabelRecord(number=1, id=2**64 - 1, told_ns=NOW_NS, text="it's \x00 open", wanted="valve")
    matched = record(2, 7, inferred_ns=NOW_NS - 5, answer=2.0, confidence=0.25, error=1.0, previous=0.0, version="3")
    buffer.labels.append_labels([waiting, matched], "labels-1-0.labels:x", 2)
    assert not buffer.settled
    buffer.commit()
    assert buffer.settled
    buffer.close()
    again = opened(tmp_path)
    first, second = again.labels.labels_since(0)
    assert (first.id, first.wanted, first.key) == (2**64 - 1, "valve", "")
    assert math.isnan(first.value)
    assert math.isnan(first.error)
    assert second == matched
    assert again.labels.labels_since(1) == [matched]
    assert again.labels.last_label() == 2
    assert again.positions() == {"labels-1-0.labels:x": 2}
    assert again.labels.find_labels(wanted(7, 2**64 - 1)) == [matched]
    again.close()


def test_a_label_without_an_inference_has_no_time_of_one(tmp_path: Path) -> None:
    """Nobody is told of the year 1970; it comes back as it was."""
    buffer = opened(tmp_path)
    buffer.labels.append_labels([LabelRecord(number=1, id=99, told_ns=NOW_NS, text="7")], "labels", 1)
    buffer.commit()
    with buffer.cursor() as cursor:
        assert cursor.execute("SELECT inferred FROM labels").fetchall() == [(None,)]
    (read,) = buffer.labels.labels_since(0)
    assert read.inferred_ns == 0
    buffer.close()


def test_labels_of_a_time_are_found_by_their_inferences(tmp_path: Path) -> None:
    """Of the stream that is meant, the ends included, in the order in which they were told."""
    buffer = opened(tmp_path)
    told = [record(number, number, inferred_ns=NOW_NS - number) for number in range(1, 6)]
    other = record(6, 9, key="another@1", inferred_ns=NOW_NS - 3)
    buffer.labels.append_labels([*told, other], "", 0)
    buffer.commit()
    found = buffer.labels.labels_between(CAMERA.key, NOW_NS - 4, NOW_NS - 2)
    assert [one.number for one in found] == [2, 3, 4]
    assert buffer.labels.labels_between(CAMERA.key, NOW_NS + 1, NOW_NS + 9) == []
    buffer.close()


def test_the_view_shows_the_last_label_of_each_inference(tmp_path: Path) -> None:
    """Whoever asks in SQL sees one label an inference, and the id of each inference."""
    buffer = opened(tmp_path)
    buffer.append([named_block(5, 1)], [])
    buffer.labels.append_labels([record(1, 5, error=1.0), record(2, 5, previous=1.0)], "", 0)
    buffer.commit()
    sql = "SELECT l.id, l.error, i.prediction FROM labels l JOIN inferences i ON i.inference_id = l.id"
    assert run_query(buffer, sql, 10, 5.0).rows == [[5, 0.0, 2.0]]
    buffer.close()


def test_a_segment_from_before_there_were_ids_is_read_and_left_alone(tmp_path: Path) -> None:
    """Its rows stay in the view, it is not written to any more, and ids are looked for elsewhere."""
    buffer = opened(tmp_path)
    buffer.append([make_block(4, names=("x", "prediction"))], [])
    buffer.commit()
    buffer.close()
    (path,) = (tmp_path / "segments").glob("*.duckdb")
    with duckdb.connect(str(path)) as old:  # as an earlier version left it
        old.execute("DROP TABLE labels")
        old.execute("DROP TABLE crates_1")
        old.execute("ALTER TABLE rows_1 DROP COLUMN inference_id")
        old.execute("UPDATE meta SET value = '1' WHERE key = 'schema_version'")
    again = opened(tmp_path)
    assert run_query(again, "SELECT count(*), count(inference_id) FROM inferences", 10, 5.0).rows == [[4, 0]]
    again.append([named_block(10, 2)], [])
    again.commit()
    assert run_query(again, "SELECT count(*), count(inference_id) FROM inferences", 10, 5.0).rows == [[6, 2]]
    assert [found.id for found in again.labels.find_inferences(wanted(0, 11), "")] == [11]
    assert len(list((tmp_path / "segments").glob("*.duckdb"))) == 2
    again.close()


def test_a_signal_may_be_called_like_the_column_of_ids(tmp_path: Path) -> None:
    """The user's own `inference_id` gets a column of its own."""
    buffer = opened(tmp_path)
    block = dataclasses.replace(named_block(1, 1), signals=(Signal("inference_id", "input"), *SIGNALS[1:]))
    buffer.append([block], [])
    buffer.commit()
    assert run_query(buffer, "SELECT inference_id, inference_id_2 FROM inferences", 10, 5.0).rows == [[1, 0.0]]
    buffer.close()


def test_many_ids_are_found_at_once(tmp_path: Path) -> None:
    """More ids than fit into one lookup are found all the same."""
    buffer = opened(tmp_path)
    buffer.append([named_block(1, 50_000)], [])
    buffer.commit()
    assert len(buffer.labels.find_inferences(np.arange(1, 60_000, dtype=np.uint64), "")) == 50_000
    buffer.close()
