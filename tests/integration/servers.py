"""Real servers for tests: found on PATH, started on free loopback ports with temporary data, and stopped again.

A server that is not installed skips its test on a user's machine, and fails it where CI=true: there it must be there.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.absent import absent
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def need_program(name: str, package: str) -> str:
    """Return the path of a program; where it is missing the test is skipped, or fails in CI."""
    path = shutil.which(name)
    if path is None:
        absent(f"{name} is not installed (Debian: apt install {package})")
    return path


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an instant query; raises AssertionError with the server's words on a bad one."""
        data: dict[str, Any] = self.get("query", query=expression)
        result: list[dict[str, Any]] = data["result"]
        return result

    def get(self, path: str, **parameters: str) -> Any:
        """Return the data of an API call."""
        address = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path} {parameters}: {error.read().decode()}") from error

    def is_ready(self) -> bool:
        """Whether it answers questions."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextlib.contextmanager
def running_prometheus(folder: Path, configuration: str) -> Iterator[Prometheus]:
    """Run a Prometheus with this configuration; data, configuration and log are below `folder`."""
    program = need_program("prometheus", "prometheus")
    config, log, port = folder / "prometheus.yml", folder / "prometheus.log", free_port()
    config.write_text(configuration, encoding="utf-8")
    command = [
        program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.min-block-duration=2h",
    ]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
    server = Prometheus(f"http://127.0.0.1:{port}")
    try:

        def ready() -> bool:
            assert process.poll() is None, log.read_text(encoding="utf-8")
            return server.is_ready()

        wait_until(ready, "Prometheus to be ready", seconds=30)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)
