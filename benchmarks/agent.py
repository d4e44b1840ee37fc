"""What the agent costs a device: start, memory, processor, and the answer of `driftline status`.

A real agent watches a real service of 100 inferences a second; each figure stands beside the least that the same
interpreter and libraries need on this machine, measured in the same run. Its modules are compiled before, as an
installation does it. `agent_parts.py` tells which part of the agent the processor's time goes to.
"""

from __future__ import annotations

import functools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.agent_process import AgentProcess, ServiceProcess  # noqa: E402
from tests.waiting import wait_until  # noqa: E402

ROUNDS = 7
WATCHED_S = 20.0
ASK = [sys.executable, "-m", "agent", "status", "--json", "--run"]
LEAST_ASK = [sys.executable, "-c", "import click, http.client, msgspec"]
AGENT_ITSELF = "import agent.wiring, agent.api, agent.daemon, agent.commands.run_agent, agent.commands.status"
LEAST_AGENT = (
    "import aiohttp.web, duckdb, numpy, prometheus_client, psutil, resource; duckdb.connect();"
    "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
)


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - started


def _least_agent() -> tuple[float, float]:
    """Seconds and MB that importing the agent's libraries takes."""
    started = time.perf_counter()
    out = subprocess.run([sys.executable, "-c", LEAST_AGENT], check=True, capture_output=True, text=True).stdout
    return time.perf_counter() - started, int(out) / 1024


def _ready_s(agent: AgentProcess) -> float | None:
    status = agent.status()
    return status.agent.ready_s if status else None


def main() -> None:
    """Measure, and print the table."""
    with tempfile.TemporaryDirectory() as compiled:
        os.environ["PYTHONPYCACHEPREFIX"] = compiled  # for the processes that are started, whatever the shell says
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        for command in ([sys.executable, "-c", LEAST_AGENT], LEAST_ASK, [sys.executable, "-c", AGENT_ITSELF]):
            _seconds(command)
        _measure()


def _measure() -> None:
    least, ready = [], []
    for _ in range(ROUNDS):  # interleaved: this machine's neighbours are noisy
        least.append(_least_agent())
        with tempfile.TemporaryDirectory() as folder, AgentProcess(Path(folder)) as agent:
            ready.append(wait_until(functools.partial(_ready_s, agent), "ready"))
    with (
        tempfile.TemporaryDirectory() as folder,
        AgentProcess(Path(folder)) as agent,
        ServiceProcess(agent.run, "--rate", "100", "--seconds", "300"),
    ):
        wait_until(lambda: (s := agent.status()) and s.state == "ok", "the reference", 60.0)
        assert agent.process is not None
        process = psutil.Process(agent.process.pid)
        before, started = process.cpu_times(), time.perf_counter()
        asked = [(_seconds(LEAST_ASK), _seconds([*ASK, str(agent.run)])) for _ in range(ROUNDS)]
        time.sleep(max(0.0, WATCHED_S - (time.perf_counter() - started)))
        after, elapsed = process.cpu_times(), time.perf_counter() - started
        cpu = (after.user + after.system - before.user - before.system) / elapsed
        rss = process.memory_info().rss / 2**20
    least_s, least_mb = (statistics.median(column) for column in zip(*least, strict=True))
    least_ask, ask = (statistics.median(column) for column in zip(*asked, strict=True))
    start = statistics.median(ready)
    rows = [
        ("`driftline status`, ms", 1e3 * ask, 1e3 * least_ask, "python with click, http.client, msgspec", "150 ms"),
        ("agent ready, ms", 1e3 * start, 1e3 * least_s, "python with the agent's libraries", "1,500 ms"),
        ("agent memory, MB", rss, least_mb, "the same, with a database open", "150 MB"),
        ("agent processor, % of a core", 100 * cpu, 100.0, "one core", "3 %"),
    ]
    print("| | Driftline | least | what is least | ratio | budget |\n|---|--:|--:|---|--:|--:|")
    for name, measured, floor, what, budget in rows:
        print(f"| {name} | {measured:,.1f} | {floor:,.0f} | {what} | {measured / floor:.2f} | {budget} |")


if __name__ == "__main__":
    main()
