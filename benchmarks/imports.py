"""What each dependency costs to import: time and resident memory, each alone in a fresh process, median of five.

    python benchmarks/imports.py

Prints the table that docs/adr/0004-dependencies.md shows. Memory is the growth of the process, so what two of them
share is counted with both; the agent's sum is smaller. Rounds are interleaved, so that a busy moment hits all alike.
"""

from __future__ import annotations

import importlib.metadata
import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 5
RESIDENT = {
    "aiohttp": "aiohttp.web",
    "click": "click",
    "cramjam": "cramjam",
    "driftline-probe": "driftline",
    "duckdb": "duckdb",
    "msgspec": "msgspec",
    "numpy": "numpy",
    "prometheus-client": "prometheus_client",
    "psutil": "psutil",
}
ON_DEMAND = {
    "textual": "textual.app",
    "onnxruntime": "onnxruntime",
    "opentelemetry-exporter-otlp-proto-common": "exporters.otlp",
    "cryptography": "cryptography.hazmat.primitives.asymmetric.ed25519",
    "aiomqtt": "aiomqtt",
    "textual-serve": "textual_serve.server",
}
NOT_LOADED = {"evidently": "evidently", "pandas": "pandas", "river": "river.drift", "scipy": "scipy.stats"}
BY_NAME = ("adwin", "page_hinkley", "ddm", "half_space_trees", "kswin")  # as a `[[river]]` table loads them

CHILD = """
import json, os, sys, time
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
module, *names = sys.argv[1:]
if names:
    import numpy  # which the agent has anyway
    from detectors.river.loader import make_river
before, start = resident(), time.perf_counter()
make_river(names[0], {}) if names else __import__(module)
print(json.dumps([(time.perf_counter() - start) * 1e3, (resident() - before) / 1e6]))
"""


def measure(*wanted: str) -> tuple[float, float]:
    """Import a module, or one of river's classes by name, in a fresh process; return milliseconds and megabytes."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *wanted], capture_output=True, text=True, check=True, cwd=ROOT
    )  # modules named above
    milliseconds, megabytes = json.loads(done.stdout)
    return milliseconds, megabytes


def main() -> None:
    """Measure all, and print the table."""
    modules = RESIDENT | ON_DEMAND | NOT_LOADED
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in (*modules, *BY_NAME)}
    for _ in range(ROUNDS):
        for name, module in modules.items():
            rounds[name].append(measure(module))
        for name in BY_NAME:
            rounds[name].append(measure("river", name))
    print(f"Python {sys.version.split()[0]}, median of {ROUNDS} fresh processes\n")
    print("| distribution | version | imported as | ms | MB |")
    print("|---|---|---|---|---|")
    for name, module in modules.items():
        version = importlib.metadata.version(name)
        milliseconds, megabytes = (statistics.median(values) for values in zip(*rounds[name], strict=True))
        print(f"| {name} | {version} | `{module}` | {milliseconds:.0f} | {megabytes:.1f} |")
    version = importlib.metadata.version("river")
    for name in BY_NAME:
        milliseconds, megabytes = (statistics.median(values) for values in zip(*rounds[name], strict=True))
        print(f"| river, by name | {version} | {name} | {milliseconds:.0f} | {megabytes:.1f} |")


if __name__ == "__main__":
    main()
