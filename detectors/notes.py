"""What is doubtful about a reference, in words for the people who rely on it.

Signals of one complaint share a sentence: a stream of a hundred must not answer with a page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from agent.model import Signal

FEW_ROWS = 500
FEW_BLOCKS = 20  # with fewer, how much their means vary is hardly known
NAMED = 4  # signals that a sentence names


def reference_notes(
    rows: int, signals: Sequence[Signal], block_rows: NDArray[np.int64], settled: NDArray[np.bool_]
) -> tuple[str, ...]:
    """Say where a reference is too short.

    Parameters
    ----------
    rows
        How many it was learned from.
    signals
        Its columns; those of the run itself and flags are passed over.
    block_rows : array [S]
        How many rows make one independent observation of a signal; 1 where each is one.
    settled : array [S] of bool
        False where a signal has not come to rest in so many rows.
    """
    judged = [at for at, signal in enumerate(signals) if signal.role != "runtime" and signal.kind != "flag"]
    restless = [at for at in judged if not settled[at]]
    slow = [at for at in judged if settled[at] and rows // int(block_rows[at]) < FEW_BLOCKS]
    notes = []
    if rows < FEW_ROWS:
        notes.append(
            f"the reference was learned from only {rows:,} inferences: what changes slowly cannot be seen in so few, "
            f"and may be taken for a fault later; {FEW_ROWS} or more are better"
        )
    if restless:
        notes.append(
            f"{_named(signals, restless)} still moving when the reference ended, after {rows:,} inferences: going on "
            "in the same way may be taken for a fault; learn from a longer time"
        )
    if slow:
        worth = min(rows // int(block_rows[at]) for at in slow)
        enough = FEW_BLOCKS * max(int(block_rows[at]) for at in slow)
        notes.append(
            f"{_named(signals, slow)} moving so slowly that {rows:,} inferences are worth only {worth} independent "
            f"ones: small changes are seen late; a reference of {enough:,} would do"
        )
    return tuple(notes)


def _named(signals: Sequence[Signal], which: Sequence[int]) -> str:
    names = [signals[at].name for at in which[:NAMED]]
    if len(which) > NAMED:
        return f"{', '.join(names)} and {len(which) - NAMED} more signals were"
    if len(names) == 1:
        return f"{names[0]} was"
    return f"{', '.join(names[:-1])} and {names[-1]} were"
