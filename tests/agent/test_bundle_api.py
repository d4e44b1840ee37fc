from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.frames import Verdict
from agent.ports import AgentAwayError, AgentRefusedError

if TYPE_CHECKING:
    from agent.client import AgentClient
    from tests.agent.answering import Answers


def test_a_bundle_comes_in_pieces(client: AgentClient) -> None:
    """And last how many parcels it holds."""
    assert list(client.bundle(again=False)) == [b"first", b"end", Verdict(rows=2)]
    assert next(client.bundle(again=True)) == b"again"
    assert client.bundle_key() == "SHA256:abc"


def test_a_bundle_that_is_safe_is_settled(client: AgentClient, answers: Answers) -> None:
    """With the file that holds it; another than the last is refused, and a disk that takes nothing is said."""
    client.bundle_written("b-1", "/media/a")
    assert answers.bundling.settled == [("b-1", "/media/a")]
    with pytest.raises(AgentRefusedError, match="another bundle was begun meanwhile"):
        client.bundle_written("b-2", "/media/a")
    with pytest.raises(AgentAwayError, match="cannot be stored now: the disk is full"):
        client.bundle_written("away", "/media/a")
