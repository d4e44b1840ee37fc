"""Which bytes of a call's arrays go into a record: whole where they fit, else the first rows, else a sample.

Outputs come first: what a model says is small and says most. The cost of taking a sample depends on the room in the
record, never on the size of the array.
"""

from __future__ import annotations

import math
from array import array
from struct import Struct, error
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from driftline import faults

if TYPE_CHECKING:
    from driftline.arrays import Description

ROOM = 4096
OUTPUT_SHARE = 0.75  # of the room, where inputs need some of it too
PIECE = 1500  # bytes of the strided subsample, and of the patch
CHANNELS = 4
IMAGE_SIDE = 16
MATRIX, VOLUME = 2, 3  # axes of a grey image, and of one with channels

Take = Callable[[Any], bytes]


class Tensor(NamedTuple):
    """One array of a call, to be laid out."""

    role: str
    name: str
    what: Description


class Part(NamedTuple):
    """What a record keeps of one array: the signature's entry, its size, and the function that takes the bytes."""

    entry: dict[str, Any]
    size: int
    take: Take | None


def plan(tensors: list[Tensor], room: int, *, image: bool = False) -> list[Part]:
    """Lay out the arrays of a call, in the order given, within `room` bytes. Each part starts at a multiple of 8."""
    wanted = [_padded(tensor.what.nbytes) if tensor.what.form != "absent" else 0 for tensor in tensors]
    outputs = [index for index, tensor in enumerate(tensors) if tensor.role == "output"]
    inputs = [index for index, tensor in enumerate(tensors) if tensor.role != "output"]
    for_inputs = _input_room([tensors[index].what for index in inputs], room, image=image)
    given = _share([wanted[index] for index in outputs], room - for_inputs)
    given += _share([wanted[index] for index in inputs], room - sum(given))
    rooms = dict(zip(outputs + inputs, given))
    parts: list[Part] = []
    at = 0
    for index, tensor in enumerate(tensors):
        part = _part(tensor, rooms[index], image=image)
        if tensor.what.crop and part.take is not None:
            part = part._replace(take=_cropped(tensor.what.crop, part.take))
        part.entry["at"] = at
        part.entry["bytes"] = part.size
        at += _padded(part.size)
        parts.append(part)
    return parts


def rows(tensors: list[Tensor], *, image: bool = False) -> int:
    """Return how many inferences one call is: the length of its first input's axis 0, where that is a batch."""
    for tensor in tensors:
        if tensor.what.shape and len(tensor.what.shape) > 1:
            return tensor.what.shape[0] if _is_batch(tensor.what, image=image) else 1
    return 1


def _input_room(whats: list[Description], room: int, *, image: bool) -> int:
    """Return what outputs leave to inputs: a quarter of the room, or what one row takes, if that is not too much."""
    whole = one_row = 0
    for what in whats:
        if what.form != "absent":
            whole += _padded(what.nbytes)
            one_row += _padded(what.nbytes // max(1, what.shape[0]) if _is_batch(what, image=image) else what.nbytes)
    share = room - int(room * OUTPUT_SHARE)
    return min(whole, max(share, one_row if one_row <= room * OUTPUT_SHARE else 0))


def _cropped(crop: tuple[slice, ...], take: Take) -> Take:
    return lambda value: take(value[crop])


def _padded(size: int) -> int:
    return (size + 7) // 8 * 8


def _share(wanted: list[int], room: int) -> list[int]:
    """Divide the room: the small ones get all they want, the rest is shared equally."""
    given = [0] * len(wanted)
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    for done, index in enumerate(order):
        given[index] = min(wanted[index], room // (len(order) - done) // 8 * 8)
        room -= given[index]
    return given


def _part(tensor: Tensor, room: int, *, image: bool) -> Part:
    what = tensor.what
    entry = {"role": tensor.role, "name": tensor.name, "dtype": what.dtype, "shape": list(what.shape)}
    if what.form == "named":
        count = min(len(what.names), room // 8)
        entry.update(layout="named", names=[str(name) for name in what.names[:count]], shape=[count])
        return Part(entry, 8 * count, _named(what.names[:count]))
    if what.form != "absent":
        if what.nbytes <= room:
            return Part({**entry, "layout": "whole"}, what.nbytes, _whole(what))
        batch = what.form != "array" or _is_batch(what, image=image)
        row = what.nbytes // what.shape[0] if what.shape else room + 1
        if batch and (len(what.shape) > 1 or what.form == "list") and row <= room:
            kept = room // row
            return Part({**entry, "layout": "head"}, kept * row, _head(what, kept, kept * row))
        if what.form == "array" and what.shape and room >= 2 * what.itemsize * CHANNELS:
            return _sampled(entry, what, min(room // 2, PIECE), batch=batch)
        if len(what.shape) == 1 and room >= what.itemsize:
            kept = room // what.itemsize
            return Part({**entry, "layout": "head"}, kept * what.itemsize, _head(what, kept, kept * what.itemsize))
    return Part({**entry, "layout": "absent"}, 0, None)


def _is_batch(what: Description, *, image: bool) -> bool:
    """Tell whether axis 0 counts inferences. Images of one byte a value, or said to be images, may come singly."""
    shape = what.shape
    if len(shape) < MATRIX:
        return False
    if not (image or what.dtype[1:] == "u1"):
        return True
    if len(shape) == MATRIX:
        return min(shape) < IMAGE_SIDE
    return not (
        len(shape) == VOLUME and (shape[-1] <= CHANNELS or shape[0] <= CHANNELS) and sorted(shape)[1] >= IMAGE_SIDE
    )


def _whole(what: Description) -> Take:
    if what.form == "number":
        return Struct("@d").pack
    if what.form == "opaque":
        return lambda value: value
    if what.form == "list":
        return lambda value: array("d", value).tobytes()
    if what.form == "buffer":
        return lambda value: memoryview(value).tobytes()
    return lambda value: value.tobytes()


def _head(what: Description, kept: int, size: int) -> Take:
    if what.form == "list":
        return lambda value: array("d", value[:kept]).tobytes()
    if what.form == "buffer":
        return lambda value: memoryview(value).cast("B")[:size].tobytes()
    return lambda value: value[:kept].tobytes()


def _named(names: tuple[Any, ...]) -> Take:
    pack = Struct(f"@{len(names)}d").pack
    told: list[str] = []  # texts are said once

    def take(values: Any) -> bytes:
        try:
            return pack(*[values[name] for name in names])
        except (KeyError, error):
            if not told:
                told.extend(str(name) for name in names if isinstance(values.get(name), str))
                if told:
                    words = ", ".join(told)[:200]
                    faults.warn(f"{words}: text is not a number and is recorded as missing; send a code")
            return pack(*[as_float(values.get(name)) for name in names])

    return take


def as_float(value: Any) -> float:
    """Return a number as a float; whatever is none as NaN."""
    try:
        return math.nan if isinstance(value, str) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _sampled(entry: dict[str, Any], what: Description, piece: int, *, batch: bool) -> Part:
    item = what.shape[1:] if batch else what.shape
    limit = piece // what.itemsize
    channel = -1
    if len(item) >= VOLUME:
        channel = 0 if item[0] <= CHANNELS else len(item) - 1 if item[-1] <= CHANNELS else -1
    free = [axis for axis in range(len(item)) if axis != channel]
    every = _sample(item, free, limit)
    near = _patch(item, free, limit)
    shapes = [[len(range(*key.indices(length))) for key, length in zip(keys, item)] for keys in (every, near)]
    size = (math.prod(shapes[0]) + math.prod(shapes[1])) * what.itemsize
    first: tuple[Any, ...] = (0,) if batch else ()
    sample, patch = first + every, first + near
    entry.update(layout="sampled", sample_shape=shapes[0], patch_shape=shapes[1])
    return Part(entry, size, lambda value: value[sample].tobytes() + value[patch].tobytes())


def _sample(item: tuple[int, ...], free: list[int], limit: int) -> tuple[slice, ...]:
    """Take one stride for all free axes, about the smallest that fits, starting half a stride in."""
    fixed = math.prod(item[axis] for axis in range(len(item)) if axis not in free)
    step = max(1, int((math.prod(item) / limit) ** (1 / len(free))))
    while fixed * math.prod(len(range(min(step // 2, item[a] - 1), item[a], step)) for a in free) > limit:
        step += max(1, step // 16)
    return tuple(
        slice(min(step // 2, length - 1), length, step) if axis in free else slice(0, length, 1)
        for axis, length in enumerate(item)
    )


def _patch(item: tuple[int, ...], free: list[int], limit: int) -> tuple[slice, ...]:
    """Take the centre, over the last two free axes; a single index on the others."""
    fixed = math.prod(item[axis] for axis in range(len(item)) if axis not in free)
    lengths = dict.fromkeys(free, 1)
    elements = limit // fixed
    if len(free) == 1:
        lengths[free[0]] = min(item[free[0]], elements)
    else:
        rows_axis, columns_axis = free[-2:]
        columns = min(item[columns_axis], max(1, math.isqrt(elements)))
        lengths[rows_axis] = min(item[rows_axis], elements // columns)
        lengths[columns_axis] = min(item[columns_axis], elements // lengths[rows_axis])
    keys = []
    for axis, length in enumerate(item):
        kept = lengths.get(axis, length)
        start = (length - kept) // 2
        keys.append(slice(start, start + kept, 1))
    return tuple(keys)
