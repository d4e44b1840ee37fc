"""What the recorder writes into its journal: rows as they came, and what was decided about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from agent.buffer import text
from agent.model import Block, Signal, Stream
from agent.steady import Step  # noqa: TC001  # msgspec resolves the annotations at run time

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Shape(msgspec.Struct, frozen=True, array_like=True, tag="shape"):
    """What rows with this number have in common; it may come after the first of them."""

    shape: int
    stream: Stream
    signals: tuple[Signal, ...]
    classes: tuple[str, ...]


class Rows(msgspec.Struct, frozen=True, array_like=True, tag="rows"):
    """A block. `gap`: rows of the stream that no kept row stands for, after it; `stored`: one bit a row."""

    shape: int
    source: str
    last_seq: int
    seen_ns: int
    gap: int
    time_ns: bytes
    latency_s: bytes
    status: bytes
    values: bytes
    ids: bytes
    stored: bytes


class Void(msgspec.Struct, frozen=True, array_like=True, tag="void"):
    """Frames that do not count: their rows were not committed, and were read from their rings again."""

    numbers: tuple[int, ...]


class Closed(msgspec.Struct, frozen=True, array_like=True, tag="closed"):
    """Minutes (stream, start) of `span_ns` that were summarised, under summary numbers from `first` on."""

    first: int
    span_ns: int
    minutes: tuple[tuple[str, int], ...]


class Window(msgspec.Struct, frozen=True, array_like=True, tag="window"):
    """One row in `every` of these streams is written since `since_ns` and until `until_ns`, of the monotonic clock."""

    number: int
    keys: tuple[str, ...]
    since_ns: int
    until_ns: int
    finding: str
    every: int = 1


class Rested(msgspec.Struct, frozen=True, array_like=True, tag="rested"):
    """Of these streams the newest row was stored for all that no other stood for: the agent was stopped."""

    keys: tuple[str, ...]


class Stepped(msgspec.Struct, frozen=True, array_like=True, tag="stepped"):
    """The clock was set: times of all that came before are off by it."""

    step: Step


Frame = Shape | Rows | Void | Closed | Window | Rested | Stepped
_decoder, _json_decoder = msgspec.msgpack.Decoder(Frame), msgspec.json.Decoder(Frame)


def encode(frame: Frame) -> bytes:
    """Give a frame the form in which it is kept."""
    try:
        return msgspec.msgpack.encode(frame)
    except UnicodeEncodeError:  # a name that has no UTF-8 form
        return text.encode(frame).encode()


def decode(payload: bytes) -> Frame:
    """Read a frame. Raises ValueError."""
    try:
        frame: Frame = (_json_decoder if payload.startswith(b"[") else _decoder).decode(payload)
    except msgspec.MsgspecError as error:
        raise ValueError(f"a frame cannot be read: {error}") from error
    return frame


def rows_of(block: Block, shape: int, seen_ns: int, gap: int, stored: NDArray[np.bool_]) -> Rows:
    """Put a block into a frame; latencies as they are stored, in float32."""
    return Rows(
        shape=shape,
        source=block.source,
        last_seq=block.last_seq,
        seen_ns=seen_ns,
        gap=gap,
        time_ns=np.ascontiguousarray(block.time_ns, np.int64).tobytes(),
        latency_s=np.ascontiguousarray(block.latency_s, np.float32).tobytes(),
        status=np.ascontiguousarray(block.status, np.uint8).tobytes(),
        values=np.ascontiguousarray(block.values, np.float32).tobytes(),
        ids=b"" if block.ids is None else np.ascontiguousarray(block.ids, np.uint64).tobytes(),
        stored=np.packbits(stored).tobytes(),
    )


def block_of(rows: Rows, shape: Shape) -> tuple[Block, NDArray[np.bool_]]:
    """Return the block of a frame, and which of its rows are stored. Raises ValueError where they do not fit."""
    time_ns = np.frombuffer(rows.time_ns, np.int64)
    count = len(time_ns)
    block = Block(
        stream=shape.stream,
        signals=shape.signals,
        time_ns=time_ns,
        latency_s=np.frombuffer(rows.latency_s, np.float32).astype(np.float64),
        status=np.frombuffer(rows.status, np.uint8),
        values=np.frombuffer(rows.values, np.float32).reshape(count, len(shape.signals)),
        source=rows.source,
        last_seq=rows.last_seq,
        ids=np.frombuffer(rows.ids, np.uint64) if rows.ids else None,
        classes=shape.classes,
    )
    stored = np.unpackbits(np.frombuffer(rows.stored, np.uint8), count=count).astype(np.bool_)
    if not len(block.latency_s) == len(block.status) == count or (block.ids is not None and len(block.ids) != count):
        raise ValueError("a frame's columns are of different lengths")
    return block, stored
