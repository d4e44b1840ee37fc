"""A real Prometheus for tests."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.servers.programs import RECIPES, fetch, flags, free_port, is_well, need_program, running
from tests.servers.series import ALL, Series, labels_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str

    @property
    def write_url(self) -> str:
        """Where it takes remote write."""
        return f"{self.url}/api/v1/write"

    def query(self, expression: str, **parameters: str) -> list[dict[str, Any]]:
        """Return the series of an instant query; raises AssertionError with the server's words on a bad one."""
        data: dict[str, Any] = self.get("query", query=expression, **parameters)
        result: list[dict[str, Any]] = data["result"]
        return result

    def series(self, start_ns: int, end_ns: int, match: str = ALL) -> Series:
        """Return every stored sample after `start_ns` and up to `end_ns` of the series that match."""
        seconds = (end_ns - start_ns) // 1_000_000_000
        found = self.query(f"{match}[{seconds}s]", time=f"{end_ns / 1e9:.3f}")
        return {
            labels_of(one["metric"]): {round(time_s * 1000): float(value) for time_s, value in one["values"]}
            for one in found
        }

    def get(self, path: str, **parameters: str) -> Any:
        """Return the data of an API call."""
        return json.loads(fetch(f"{self.url}/api/v1/{path}", **parameters))["data"]


@contextlib.contextmanager
def running_prometheus(folder: Path, configuration: str, extra: Sequence[str] = ()) -> Iterator[Prometheus]:
    """Run a Prometheus with this configuration; data, configuration and log are below `folder`."""
    config, port = folder / "prometheus.yml", free_port()
    config.write_text(configuration, encoding="utf-8")
    command = [
        need_program("prometheus", "prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.min-block-duration=2h", *extra,
    ]  # fmt: skip
    server = Prometheus(f"http://127.0.0.1:{port}")
    with running(command, folder, lambda: is_well(f"{server.url}/-/ready")):
        yield server


@contextlib.contextmanager
def receiving_prometheus(folder: Path) -> Iterator[Prometheus]:
    """Run a Prometheus as the recipe says."""
    configuration = (RECIPES / "prometheus.yml").read_text(encoding="utf-8")
    with running_prometheus(folder, configuration, flags("prometheus.flags")) as server:
        yield server
