"""What `outbox`, `egress` and `link test` print, and how they end."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
from click.testing import CliRunner

from agent.cli import group
from agent.commands import egress, link, offline, outbox
from agent.forwarded import DeadLetterLine, EgressLine, LinkResult, OutboxView
from agent.outbound import Egress
from agent.ports import AgentAwayError
from agent.status import DestinationStatus
from tests.agent.buffer.blocks import opened
from tests.exporters.forwarding.sink import Sink
from tests.exporters.statuses import NOW
from tui.format import local_time
from tui.forwarding_lines import render_egress, render_outbox

if TYPE_CHECKING:
    from pathlib import Path

HQ = DestinationStatus(name="hq", kind="otlp", url="https://hq.example", dead_letters=1)
LETTER = DeadLetterLine(
    destination="hq", time=NOW, id="0f3a-w1-5-m", content="5 min of meter", reason="400: bad \x1b[31msample"
)
LINE = EgressLine(
    time=NOW, destination="hq", address="https://hq.example", parcels=2, accepted=1, bytes=1_900,
    fields=("driftline_inferences_total", "findings"),
)  # fmt: skip


class Agent:
    """Answers, or is away."""

    def __init__(self, *results: LinkResult, away: bool = False) -> None:
        self.results, self.away = list(results), away
        self.retried: list[str] = []

    def outbox(self, destination: str) -> OutboxView:
        if destination not in {"", "hq"}:
            raise KeyError(f"no destination is called {destination!r}: hq")
        return OutboxView(destinations=(HQ,), dead_letters=(LETTER,))

    def retry_dead(self, destination: str) -> int:
        self.retried.append(destination)
        return 1

    def test_link(self, destination: str) -> list[LinkResult]:
        if self.away:
            raise AgentAwayError("no agent is running here")
        return [one for one in self.results if destination in {"", one.destination}]


def ask(monkeypatch: pytest.MonkeyPatch, agent: Agent, *words: str) -> tuple[int, str]:
    """Run a command with this agent; return its exit code and what it printed."""
    for module in (outbox, egress, link):
        monkeypatch.setattr(module, "client", lambda _run: agent)
    done = CliRunner().invoke(group, words)
    return done.exit_code, done.output


def result(name: str, *, ok: bool, said: str) -> LinkResult:
    """Return what came back from a destination."""
    return LinkResult(destination=name, address=f"https://{name}.example", ok=ok, said=said, seconds=0.1, bytes=300)


def test_what_waits_and_what_was_refused_is_printed_without_what_a_terminal_obeys() -> None:
    """A line for the destination, one for each refusal with its reason, and how to send it once more."""
    view = OutboxView(destinations=(HQ,), dead_letters=(LETTER,))
    lines = render_outbox(view, 100, NOW).splitlines()
    assert lines[0] == "hq: nothing accepted yet; nothing waits; 1 parcel refused (driftline outbox says why)"
    assert lines[1].startswith(f"  {local_time(NOW, NOW)} refused: 5 min of meter: 400: bad ")
    assert "\x1b" not in lines[1]
    assert lines[-1] == "driftline outbox --retry-dead sends what was refused once more"


def test_the_ledger_is_a_line_a_delivery_and_a_sum() -> None:
    """When, where to, how many of how many parcels, how much; then the sum of each address, and the names of fields."""
    earlier = msgspec.structs.replace(LINE, time=NOW - timedelta(minutes=5), accepted=2, fields=("findings",))
    assert [" ".join(line.split()) for line in render_egress([LINE, earlier], 100).splitlines()] == [
        f"{local_time(NOW, NOW)} hq 1/2 accepted 1.9 kB",
        f"{local_time(earlier.time, NOW)} hq 2/2 accepted 1.9 kB",
        "",
        "to hq, https://hq.example: 2 times, 3.8 kB",
        "fields driftline_inferences_total, findings",
    ]
    assert render_egress([], 100) == "nothing left this device in that time"


@pytest.mark.parametrize(("words", "named"), [((), ""), (("hq",), "hq")])
def test_what_was_refused_can_be_sent_again(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], named: str
) -> None:
    """For one destination or for all."""
    agent = Agent()
    assert ask(monkeypatch, agent, "outbox", "--retry-dead", *words) == (0, "1 parcel will be sent once more\n")
    assert agent.retried == [named]


def test_a_destination_that_is_none_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With those that there are, and exit code 1."""
    code, said = ask(monkeypatch, Agent(), "outbox", "hqq")
    assert (code, said) == (1, "driftline: no destination is called 'hqq': hq\n")


def test_the_outbox_as_json_is_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads back as it was."""
    code, said = ask(monkeypatch, Agent(), "outbox", "--json")
    assert (code, msgspec.json.decode(said, type=OutboxView)) == (0, Agent().outbox(""))


def test_one_link_that_fails_ends_the_test_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is told; the exit code is for scripts."""
    bad = result("site", ok=False, said="no answer within 30 s")
    agent = Agent(result("hq", ok=True, said="accepted in 84 ms"), bad)
    assert ask(monkeypatch, agent, "link", "test") == (
        1,
        "ok    hq, https://hq.example: accepted in 84 ms\nFAIL  site, https://site.example: no answer within 30 s\n",
    )
    assert ask(monkeypatch, agent, "link", "test", "hq")[0] == 0
    assert ask(monkeypatch, Agent(), "link", "test")[0] == 1


def test_a_link_is_tried_from_here_where_no_agent_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By the configuration: a small true summary is sent, with the words of what came back."""
    with Sink() as sink:
        table = f'[[destination]]\nname = "hq"\nkind = "otlp"\nurl = "{sink.url}"\n'
        config = tmp_path / "driftline.toml"
        config.write_text(
            f'{table}[[destination]]\nname = "gone"\nkind = "remote-write"\nurl = "http://127.0.0.1:9/w"\n'
        )
        monkeypatch.setenv("DRIFTLINE_CONFIG", str(config))
        code, said = ask(monkeypatch, Agent(away=True), "link", "test")
        refused = ask(monkeypatch, Agent(away=True), "link", "test", "nobody")
    assert code == 1
    assert "ok    hq" in said
    assert "a test summary is accepted in" in said
    assert "127.0.0.1:9 cannot be reached: Connection refused" in " ".join(said.split())
    assert [one.path for one in sink.posted] == ["/v1/metrics"]
    assert b"system_uptime_seconds" in sink.posted[0].body
    assert refused[0] == 1
    assert "no destination is called 'nobody': hq, gone" in refused[1]


@pytest.mark.parametrize("words", ["outbox", "egress"])
def test_what_a_stopped_agent_left_is_read_where_none_answers(
    words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From where agents keep their state; that it is no live answer is said."""
    state = tmp_path / "state"
    monkeypatch.setattr(offline, "state_directory", lambda _chosen: state)
    asked = [words, "--run", str(tmp_path)]
    nothing = CliRunner().invoke(group, asked)
    assert (nothing.exit_code, "give --state DIR" in nothing.stderr) == (1, True)
    state.mkdir()
    with opened(state) as buffer:
        buffer.outbox.next("hq", 1)
        buffer.outbox.enter(Egress(
            time_ns=time.time_ns(), destination="hq", address="https://hq.example", parcels=1, accepted=1, bytes=300,
            fields=("findings",),
        ))  # fmt: skip
    found = CliRunner().invoke(group, asked)
    assert (found.exit_code, "hq" in found.stdout) == (0, True)
    assert f"this is what it left in {state}" in found.stderr


def test_a_stopped_agent_sends_nothing_once_more_and_what_to_do_is_said(tmp_path: Path) -> None:
    """It is started first."""
    done = CliRunner().invoke(group, ["outbox", "--retry-dead", "--run", str(tmp_path)])
    assert done.exit_code == 1
    assert "start it (systemctl start driftline), then repeat this" in done.stderr
