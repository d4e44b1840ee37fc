"""`driftline findings` counts ages as `driftline status` does."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from click.testing import CliRunner

from agent.clock import SystemClock, utc
from agent.commands import findings
from agent.model import Finding, Stream

if TYPE_CHECKING:
    import pytest


class _Away:
    """An agent with one finding, which has not changed for a while."""

    def findings(self, *, everything: bool) -> list[Finding]:  # noqa: ARG002  # the client's interface
        """Give the finding."""
        now = utc(SystemClock().wall_ns())
        onset, updated = now - timedelta(minutes=12, seconds=20), now - timedelta(minutes=8)
        return [
            Finding(
                id="a1", stream=Stream(model="meter"), kind="input_shift", severity="info", state="open",
                sentence="heat rose.", advice="", onset=onset, opened=onset, updated=updated, row=9, onset_row=9,
                signals=(), causes=(),
            )
        ]  # fmt: skip


def test_the_age_of_an_open_finding_is_counted_to_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not to its last change, which may be long ago."""
    monkeypatch.setattr(findings, "client", lambda _run: _Away())
    assert "for 12 min" in CliRunner().invoke(findings.command).output
