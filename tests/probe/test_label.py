from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

import driftline
import numpy as np
import pytest
from driftline import ids, wire
from driftline.labelled import LABEL

from tests.probe import models
from tests.probe.ring_reader import RingContent, read_ring

if TYPE_CHECKING:
    from pathlib import Path

    from tests.probe.conftest import Rings


def _base(ring: RingContent) -> int:
    fields = ring.fields
    names = ("pid", "start_ticks", "pid_namespace", "boot_id", "created_monotonic_ns")
    return ids.base_of(*(fields[name] for name in names))


def _labels(rings: Rings) -> list[tuple[int, float, str, str]]:
    """Read the one label ring."""
    (path,) = rings.directory.glob("*" + wire.LABELS_SUFFIX)
    ring = read_ring(path)
    found = []
    for record in ring.records:
        number, value, text_size, model_size, text, model = LABEL.unpack(ring.parts(record)["label"])
        found.append((number, value, text[:text_size].decode(), model[:model_size].decode()))
    return found


def test_a_label_is_a_record_of_its_own_ring(rings: Rings) -> None:
    """Numbers and names of classes travel with the hash of the id, and the model's name where it is given."""
    driftline.label("part-7", 3)
    driftline.label(8, "leaking", model="valve")
    first, second = _labels(rings)
    assert first == (ids.number_of("part-7"), 3.0, "", "")
    assert (second[0], second[2], second[3]) == (ids.number_of("8"), "leaking", "valve")
    assert math.isnan(second[1])
    assert rings.paths() == []


@pytest.mark.parametrize(
    ("name", "truth"),
    [(None, 1), (True, 1), (1.5, 1), ("", 1), ("a", None), ("a", math.nan), ("a", ""), ("a", "x" * 57), ([], 1)],
)
def test_what_is_no_label_is_dropped_with_one_warning(rings: Rings, name: Any, truth: Any) -> None:
    """A missing truth or id is said once and never raised."""
    with pytest.warns(RuntimeWarning, match="a label was not recorded"):
        driftline.label(name, truth)
    driftline.label(name, truth)
    assert list(rings.directory.iterdir()) == []


def test_an_observation_keeps_the_hash_of_its_own_id(rings: Rings) -> None:
    """The id that the service gives is in the record, and is what `last_id` says."""
    driftline.observe("m", {"a": 1.0}, prediction=2, id="part-7")
    assert driftline.last_id() == "part-7"
    driftline.observe("m", np.ones((2, 3)), prediction=np.array([1, 0]), id=["x", 9])
    ring = rings.only()
    first, second = (ring.parts(record)["id"] for record in ring.records)
    assert first == ids.bytes_of(["part-7"])
    assert second == ids.bytes_of(["x", "9"])


def test_an_observation_without_id_is_named_after_its_record(rings: Rings) -> None:
    """`last_id` names ring and record; a batch's rows follow one another."""
    driftline.observe("m", {"a": 1.0})
    driftline.observe("m", {"a": 2.0})
    base = _base(rings.only())
    assert driftline.last_id() == ids.written(base + (2 << 16))
    assert driftline.last_id(row=3) == ids.written(base + (2 << 16) + 3)
    assert ids.number_of(driftline.last_id()) == (base + (2 << 16)) & ids.MASK


def test_watched_sessions_say_their_ids_where_that_is_asked_for(rings: Rings, tmp_path: Path) -> None:
    """On the first call, on the compiled way, and not at all without `ids=True`."""
    session = models.session(models.classifier(tmp_path / "m.onnx"))
    plain = driftline.watch(session, model="plain")
    plain.run(None, {"x": models.image()})
    assert driftline.last_id() is None
    watched = driftline.watch(session, model="named", ids=True)
    found = []
    for _ in range(4):
        watched.run(None, {"x": models.image()})
        found.append(driftline.last_id())
    (ring,) = [ring for ring in rings.all() if ring.identity["model"] == "named"]
    assert found == [ids.written(_base(ring) + (seq << 16)) for seq in (1, 2, 3, 4)]


def test_ids_can_be_asked_for_later(rings: Rings) -> None:
    """Watching the same model again with `ids=True` goes on in a ring whose ids are told."""
    plain = driftline.watch(abs, model="m")
    plain(1.0)
    named = driftline.watch(abs, model="m", ids=True)
    named(2.0)
    told = driftline.last_id()
    plain(3.0)
    assert told is not None
    assert told != driftline.last_id()
    assert [len(ring.records) for ring in rings.all()] == [1, 2]


def test_each_thread_has_its_own_newest(rings: Rings) -> None:
    """What another thread runs in between does not change the id that a thread is told."""
    driftline.observe("m", {"a": 1.0})
    before = driftline.last_id()
    other = threading.Thread(target=driftline.observe, args=("m", {"a": 2.0}))
    other.start()
    other.join()
    assert len(rings.only().records) == 2
    assert before == driftline.last_id()


def test_a_full_label_ring_keeps_the_newest(rings: Rings) -> None:
    """Labels beyond the ring's slots overwrite the oldest; nothing grows."""
    for number in range(9_000):
        driftline.label(number, 0)
    found = _labels(rings)
    assert len(found) == 8192
    assert found[-1][0] == ids.number_of(8_999)


def test_a_bad_id_costs_the_observation_only(rings: Rings) -> None:
    """An id that is none is told in a warning, and the next observation is recorded."""
    with pytest.warns(RuntimeWarning, match="is no id"):
        driftline.observe("m", {"a": 1.0}, id=1.5)
    driftline.observe("m", {"a": 1.0}, id="x")
    assert len(rings.only().records) == 1
