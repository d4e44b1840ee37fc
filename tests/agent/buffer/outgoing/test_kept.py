from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from agent.buffer.outgoing.outbox import Outbox
from tests.agent.buffer.outgoing.stores import on_disk

if TYPE_CHECKING:
    import pytest


def test_a_full_disk_keeps_no_agent_from_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The random name of a state directory is known at once, and kept with the first write that the disk takes."""

    def refuse() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with on_disk() as store:
        with monkeypatch.context() as full:
            full.setattr(store.buffer._files, "end_transaction", refuse)
            name = Outbox(store).instance
            assert store.instance() == name
        assert store.place("instance", "") is None
        Outbox(store).next("hq", 3_000)
        store.restart()
        assert store.instance() == name
