"""A bundle from a real agent to a real Collector, by the commands that people type."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.agent_process import ROOT, AgentProcess
from tests.servers.collector import running_collector
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = 'site = "plant-7"\ndevice = "press-3"\n[scrape]\nenabled = false\n'
FLEET = '[[destination]]\nname = "hq"\nkind = "otlp"\nurl = "{url}"\n'


def bundle(folder: Path, *words: str) -> tuple[int, str, str]:
    """Run the command; return its exit status, stdout and stderr."""
    environment = os.environ | {"DRIFTLINE_RUN": str(folder / "run"), "XDG_CONFIG_HOME": str(folder / "home")}
    command = [sys.executable, "-m", "agent", "bundle", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment, timeout=120)
    return done.returncode, done.stdout, done.stderr


def test_a_finding_is_carried_by_hand(tmp_path: Path) -> None:
    """Written once, refused while its device is a stranger, sent on, and refused when a byte of it is another."""
    stick = tmp_path / "stick"
    stick.mkdir()
    with AgentProcess(tmp_path, CONFIG) as agent:
        (agent.run / "rubbish.ring").write_bytes(os.urandom(9_000))
        finding = wait_until(agent.client.findings, "a finding about the ring")[0]
        assert agent.client.status().unsent is not None  # for there is no destination
        code, said, _ = bundle(tmp_path, "--to", str(stick))
        (file,) = stick.iterdir()
        assert (code, said.startswith(f"{file}: 1 change of a finding, ")) == (0, True)
        assert bundle(tmp_path, "--to", str(stick)) == (
            0, "nothing has come since the last bundle; --again writes that one anew\n", "",
        )  # fmt: skip
        assert bundle(tmp_path, "--to", str(file))[0] == 1  # it is there already
        key = bundle(tmp_path, "--key")[1].strip()
    assert key in said
    with running_collector(tmp_path) as collector:
        fleet = tmp_path / "fleet.toml"
        fleet.write_text(FLEET.format(url=collector.url))
        send = ["send", str(file), "--config", str(fleet)]
        code, _, error = bundle(tmp_path, *send)
        assert (code, f"signed by {key}, which is not known here" in error) == (1, True)
        code, said, error = bundle(tmp_path, *send, "--trust", key)
        assert (code, said.splitlines()[-1], error) == (0, "hq: 2 arrived", "")
        assert bundle(tmp_path, *send)[0] == 0  # twice does no harm
        records = wait_until(lambda: collector.records()[1:], "the log records")
        attributes = {one["key"]: one["value"] for one in records[0]["attributes"]}
        assert attributes["driftline.finding.id"] == {"stringValue": finding.id}
        changed = bytearray(file.read_bytes())
        changed[-100] ^= 1
        file.write_bytes(changed)
        code, said, error = bundle(tmp_path, *send)
        assert (code, said, "was altered" in error) == (1, "", True)
        assert len(collector.records()) == 2
