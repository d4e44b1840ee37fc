"""What is kept of rows that are not stored, so that a label that comes later finds its inference: id and answer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from agent.buffer import recorded_schema
from agent.buffer.era_schema import moved_ns
from agent.buffer.schema import LATEST_NS
from agent.truth import Inference, answer_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from agent.buffer.engine import Engine
    from agent.buffer.segment import Segment
    from agent.model import Block, Stream


def write_answers(
    engine: Engine, alias: str, blocks: Sequence[Block], number_of: Mapping[Stream, int], era: int
) -> None:
    """Append the answers of blocks that have ids, inside the transaction that is open."""
    for block in blocks:
        answer = answer_of(block.signals)
        if answer is None or block.ids is None or not len(block):
            continue
        count = len(block)
        sure = np.full(count, np.nan, np.float32) if answer.confidence is None else block.values[:, answer.confidence]
        columns: dict[str, NDArray[Any]] = {
            "t": np.clip(block.time_ns, 0, LATEST_NS),
            "s": np.full(count, number_of[block.stream], np.int32),
            "i": block.ids,
            "a": np.ascontiguousarray(block.values[:, answer.column], np.float32),
            "c": np.ascontiguousarray(sure, np.float32),
            "k": np.full(count, answer.kind == "class"),
            "e": np.full(count, era, np.uint8),
        }
        engine.insert(recorded_schema.INSERT_ANSWERS.format(db=alias), columns)


def find_answers(engine: Engine, segment: Segment, ids: NDArray[np.uint64], model: str) -> list[Inference]:
    """Return the inferences with these ids of which a segment has the answer alone; of any model where it is empty."""
    if not segment.has(recorded_schema.SUMMARIES):
        return []
    streams = {number: stream for stream, number in segment.streams.items()}
    found = engine.select(_find(segment), {"id": ids})
    return [
        Inference(
            id=identity,
            stream=streams[at],
            time_ns=time_ns,
            answer=math.nan if said is None else said,
            confidence=math.nan if sure is None else sure,
            kind="class" if is_class else "value",
        )
        for identity, at, time_ns, said, sure, is_class in found
        if at in streams and model in {"", streams[at].model}
    ]


def _find(segment: Segment) -> str:
    return recorded_schema.FIND_ANSWERS.format(db=segment.alias, time=moved_ns("time", segment.eras.shifts))


def has_own_ids(block: Block) -> bool:
    """Tell whether the service named these inferences: ids that follow from ring and record go up in even steps.

    >>> from agent.model import Block
    >>> def block(*ids): return Block(None, (), None, None, None, None, ids=np.array(ids, np.uint64))
    >>> has_own_ids(block(7, 7 + 65536, 8 + 65536)), has_own_ids(block(7, 99123456789123))
    (False, True)
    """
    if block.ids is None:
        return False
    steps = np.diff(block.ids)  # modulo 2 ** 64, as the ids are
    return bool((steps > np.uint64(_FURTHEST)).any())


_FURTHEST = 2_000_000 << 16  # records that a ring may have passed over between two
