"""When a dashboard in a test has done all that it was told: seen from its event loop, not guessed from the processor.

Textual's pilot waits after every key until the processor was idle for a fiftieth of a second, twice; on a busy machine
other processes' load prolongs that, and on an idle one it is most of a test's time.
"""

from __future__ import annotations

import asyncio
import threading

_SOON_S = 0.02  # Textual draws what changed this late
_ASKING = ("driftline-question", "driftline-telling")  # threads that end when there is nothing left to ask
_PATIENCE = 50  # looks at a thread that has not ended: the agent that it asks is a slow one
_LOOK_S = 0.001
MOST_S = 10.0


async def settled(min_sleep: float = 0.0, max_sleep: float = 1.0) -> None:
    """Wait until nothing is left to do now or soon; takes the place of `textual._wait.wait_for_idle`.

    It gives up after `max_sleep` seconds, but not before MOST_S: a machine can be so busy that a key takes a second.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + max(max_sleep, MOST_S)
    looks = 0
    await asyncio.sleep(min_sleep)
    await asyncio.sleep(_LOOK_S)  # threads that were woken come to their turn
    while loop.time() < end:
        await asyncio.sleep(0)
        if loop._ready:  # type: ignore[attr-defined]
            continue
        due = min((h.when() for h in loop._scheduled if not h.cancelled()), default=end)  # type: ignore[attr-defined]
        if due < loop.time() + _SOON_S:
            await asyncio.sleep(max(0.0, due - loop.time()))
        elif looks < _PATIENCE and any(thread.name in _ASKING for thread in threading.enumerate()):
            looks += 1
            await asyncio.sleep(_LOOK_S)
        else:
            return
