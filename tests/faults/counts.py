"""How many faults are tried: a handful in `make test`, and with `make faults` in proportion to N, its kills."""

from __future__ import annotations

import math
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")

KILLS = int(os.environ.get("DRIFTLINE_FAULTS", "0"))  # of `make faults N=…`; 0 in `make test`
WORKERS = 2


def scaled(handful: int, each_kill: float) -> int:
    """How many of something: a handful, or so many for each kill."""
    return math.ceil(each_kill * KILLS) or handful


def spread(function: Callable[[Sequence[T]], R], items: Sequence[T]) -> list[R]:
    """Give each of two processes half of the items; a handful is done here."""
    if not KILLS:
        return [function(items)]
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        return list(pool.map(function, [items[at::WORKERS] for at in range(WORKERS)]))
