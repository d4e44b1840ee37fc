"""A real agent with a destination: what arrives there, what it says of it, and what nobody ever reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner
from driftline import wire
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from agent.cli import group
from tests.agent_process import AgentProcess
from tests.exporters.forwarding.sink import Sink
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from agent.status import DestinationStatus
    from tests.exporters.forwarding.sink import Posted

SECRET = "canary-3f9a77"  # of this test alone
CONFIG = """
[scrape]
enabled = false

[[destination]]
name = "hq"
kind = "otlp"
url = "{url}"
token_file = "{token}"
"""


def logs(posted: list[Posted]) -> list[tuple[str, int]]:
    """Return the sentence and the number of each state of a finding that arrived."""
    found = []
    for one in posted:
        for resource in ExportLogsServiceRequest.FromString(one.body).resource_logs:
            for record in (record for scope in resource.scope_logs for record in scope.log_records):
                numbers = [attr.value.int_value for attr in record.attributes if attr.key == "driftline.finding.number"]
                found.append((record.body.string_value, numbers[0]))
    return found


def ask(words: str) -> tuple[int, str]:
    """Run a command; return its exit code and all that it printed."""
    done = CliRunner().invoke(group, words.split())
    return done.exit_code, done.output


STANDING = "driftline_stream_finding_onset_timestamp_seconds, driftline_stream_findings_open"


def test_a_finding_arrives_at_once_and_once_and_the_secret_nowhere_else(tmp_path: Path) -> None:
    """From a broken ring to the receiver within seconds; not again after a restart; the token in no output."""
    token = tmp_path / "token"
    token.write_text(SECRET)
    token.chmod(0o600)
    with Sink() as sink:
        config = CONFIG.format(url=sink.url, token=token)
        with AgentProcess(tmp_path, config) as agent:
            ready = wait_until(lambda: ready_destination(agent), "the destination to have its place")
            assert ready.name == "hq"
            (agent.run / f"broken{wire.SUFFIX}").write_bytes(b"no ring at all" * 100)
            wait_until(lambda: sink.to("/v1/logs"), "the finding to arrive")
            wait_until(lambda: agent.client.outbox().destinations[0].waiting_findings == 0, "it to be settled")
            beside = f"--run {agent.run}"
            asked = ("status", "status --json", "outbox", "egress", "link test")
            printed = {words: ask(f"{words} {beside}") for words in asked}
            out = agent.stop()
            assert out[0] == 0
            agent.start()
            wait_until(lambda: ready_destination(agent), "the destination to have its place again")
            again = agent.stop()
        printed |= {f"stopped {words}": ask(f"{words} --state {agent.state}") for words in ("outbox", "egress")}
        printed["check"] = ask(f"config check {agent.config}")
    found = logs(sink.to("/v1/logs"))
    assert len(found) == len(set(found)) == 1
    assert "broken" in found[0][0]
    assert {one.headers["Authorization"] for one in sink.posted} == {f"Bearer {SECRET}"}
    assert {code for code, _ in printed.values()} == {0}
    assert "is accepted in" in printed["link test"][1]
    assert "2/2 accepted" in printed["egress"][1]
    for words, fields in (("egress", "findings"), ("stopped egress", "findings, system_uptime_seconds")):
        told = " ".join(printed[words][1].partition("fields ")[2].split())
        assert told == f"driftline_build_info, {STANDING}, {fields}"
    assert printed["stopped outbox"][1] == "hq: nothing waits\n"
    everything = "".join(text for _, text in printed.values()) + "".join(map(str, (*out, *again)))
    assert SECRET not in everything


def ready_destination(agent: AgentProcess) -> DestinationStatus | None:
    """Return the destination once it has a place in the queue."""
    known = agent.client.outbox().destinations
    return known[0] if known and known[0].window_s else None
