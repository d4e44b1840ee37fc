from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from driftline import arrays, layout
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from tests.probe.ring_reader import decoded

NUMBERS = st.one_of(
    nps.boolean_dtypes(),
    nps.integer_dtypes(endianness="?"),
    nps.unsigned_integer_dtypes(endianness="?"),
    nps.floating_dtypes(endianness="?"),
    nps.complex_number_dtypes(endianness="?"),
)
FORMS = ("C", "F", "reversed", "strided")


def _in_form(values: Any, form: str) -> Any:
    if form == "F" and values.ndim:
        return np.asfortranarray(values)
    if form == "reversed" and values.ndim:
        return values[::-1]
    if form == "strided" and values.ndim:
        return np.repeat(values, 2, axis=-1)[..., ::2]
    return values


def _stored(values: Any, room: int, *, image: bool = False, role: str = "input") -> tuple[dict[str, Any], Any]:
    tensor = layout.Tensor(role, "x", arrays.describe(values))
    (part,) = layout.plan([tensor], room, image=image)
    payload = b"" if part.take is None else part.take(values)
    assert len(payload) == part.size <= room
    return part.entry, decoded(part.entry, payload)


@settings(max_examples=300, deadline=None)
@given(
    data=st.data(),
    dtype=NUMBERS,
    shape=nps.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=9),
    form=st.sampled_from(FORMS),
    room=st.integers(0, 512).map(lambda n: 8 * n),
    image=st.booleans(),
)
def test_any_array_comes_back(data: Any, dtype: Any, shape: tuple[int, ...], form: str, room: int, image: bool) -> None:  # noqa: FBT001
    """Of any numeric array, of any memory layout, what is stored is exactly the part that the signature claims."""
    raw = data.draw(st.binary(min_size=8, max_size=64))
    size = int(np.prod(shape)) * dtype.itemsize
    values = np.frombuffer((raw * (size // len(raw) + 1))[:size], dtype).reshape(shape)
    if dtype.kind == "b":
        values = (values.view("u1") & 1).view(dtype)
    values = _in_form(values, form)
    entry, stored = _stored(values, room, image=image)
    assert entry["shape"] == list(shape)
    if entry["layout"] == "whole":
        assert values.tobytes() == stored.tobytes()
    elif entry["layout"] == "head":
        assert values[: len(stored)].tobytes() == stored.tobytes()
        assert len(stored) > 0
    elif entry["layout"] == "sampled":
        item = values if len(entry["sample_shape"]) == len(shape) else values[0]
        known = {value.tobytes() for value in item.ravel()}
        for piece in stored:
            assert piece.ndim == item.ndim
            assert {value.tobytes() for value in piece.ravel()} <= known
    else:
        assert values.nbytes > room


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((1, 480, 640, 3), "u1", "sampled"),
        ((1, 3, 224, 224), "f4", "sampled"),
        ((480, 640, 3), "u1", "sampled"),
        ((480, 640), "u1", "sampled"),
        ((1, 16000), "f4", "sampled"),
        ((16000,), "f4", "sampled"),
        ((32, 1, 8, 8), "f4", "head"),
        ((500, 20), "f4", "head"),
        ((1, 1, 8, 8), "f4", "whole"),
        ((0, 5), "f4", "whole"),
    ],
)
def test_layout_of_usual_inputs(shape: tuple[int, ...], dtype: str, expected: str) -> None:
    """Small inputs are kept whole, batches of small rows by their first rows, images and sound by a sample."""
    assert _stored(np.zeros(shape, dtype), 4096)[0]["layout"] == expected


def test_a_sample_is_strided_over_the_whole_and_a_patch_from_its_centre() -> None:
    """The two pieces of a large image are where the signature's reader expects them."""
    rows, columns = np.mgrid[:480, :640]
    image = np.stack([rows % 256, columns % 256, (rows + columns) % 256], axis=-1).astype(np.uint8)[None]
    entry, (sample, patch) = _stored(image, 4096)
    assert len(sample.tobytes()) > 1000
    assert len(patch.tobytes()) > 1000
    height, width = patch.shape[:2]
    top, left = (480 - height) // 2, (640 - width) // 2
    np.testing.assert_array_equal(image[0, top : top + height, left : left + width], patch)
    step = 480 // sample.shape[0]
    start = min(step // 2, 479)
    np.testing.assert_array_equal(image[0, start::step, start::step][: sample.shape[0], : sample.shape[1]], sample)
    assert entry["sample_shape"][-1] == 3


def test_outputs_are_kept_before_inputs() -> None:
    """A batch of outputs that fits is whole, and the inputs get the rest."""
    tensors = [
        layout.Tensor("input", "x", arrays.describe(np.zeros((32, 1, 8, 8), np.float32))),
        layout.Tensor("output", "y", arrays.describe(np.zeros((32, 10), np.float32))),
    ]
    x, y = layout.plan(tensors, 4096)
    assert (y.entry["layout"], x.entry["layout"], x.size) == ("whole", "head", 11 * 256)
    assert x.entry["at"] + x.size <= y.entry["at"]


def test_parts_of_a_record_never_overlap() -> None:
    """However many arrays share a record, each has its own place, and all fit."""
    random = np.random.default_rng(3)
    for _ in range(200):
        shapes = [tuple(random.integers(0, 40, random.integers(0, 4))) for _ in range(random.integers(1, 12))]
        tensors = [
            layout.Tensor(
                "input" if random.random() < 0.5 else "output", str(n), arrays.describe(np.zeros(shape, "f4"))
            )
            for n, shape in enumerate(shapes)
        ]
        end = 0
        for part in layout.plan(tensors, 1024):
            assert part.entry["at"] >= end
            assert part.entry["at"] % 8 == 0
            end = part.entry["at"] + part.size
        assert end <= 1024
