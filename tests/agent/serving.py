"""The local API in a thread, for tests."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent import api
from agent.client import SOCKET_NAME, AgentClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def served(folder: Path, answers: api.Answers) -> Iterator[AgentClient]:
    """Serve answers on a socket in a folder; yields a client of it."""
    listener = api.claim_socket(folder)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    runner = asyncio.run_coroutine_threadsafe(api.serve(listener, answers), loop).result()
    try:
        yield AgentClient(folder / SOCKET_NAME)
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
