from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.agent.answering import Answers
from tests.agent.serving import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.client import AgentClient


@pytest.fixture
def answers() -> Answers:
    """What the daemon would know."""
    return Answers()


@pytest.fixture
def client(tmp_path: Path, answers: Answers) -> Iterator[AgentClient]:
    """A client of an API that is served in a thread."""
    with served(tmp_path, answers) as made:
        yield made
