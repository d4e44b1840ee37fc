"""A real VictoriaMetrics for tests."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers.programs import fetch, flags, free_port, is_well, need_program, running
from tests.servers.series import ALL, Series, labels_of

# It keeps decimal numbers with a common exponent a block: of fractions twelve digits.
TOLERANCE = 1e-11

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Victoria:
    """A running VictoriaMetrics."""

    url: str

    @property
    def write_url(self) -> str:
        """Where it takes remote write."""
        return f"{self.url}/api/v1/write"

    def series(self, start_ns: int, end_ns: int, match: str = ALL) -> Series:
        """Return every stored sample after `start_ns` and up to `end_ns` of the series that match.

        One that is stored twice is an error.
        """
        fetch(f"{self.url}/internal/force_flush")
        parameters = {"match[]": match, "start": f"{start_ns / 1e9:.3f}", "end": f"{end_ns / 1e9:.3f}"}
        found: Series = {}
        for line in fetch(f"{self.url}/api/v1/export", **parameters).splitlines():
            one = json.loads(line)
            own = found.setdefault(labels_of(one["metric"]), {})
            for time_ms, value in zip(one["timestamps"], one["values"], strict=True):
                assert time_ms not in own, f"twice at {time_ms}: {one['metric']}"
                own[time_ms] = value
        return found


@contextlib.contextmanager
def running_victoria(folder: Path) -> Iterator[Victoria]:
    """Run a VictoriaMetrics as the recipe says; data and log are below `folder`."""
    port = free_port()
    command = [
        need_program("victoria-metrics", "victoria-metrics"), f"-storageDataPath={folder / 'victoria'}",
        f"-httpListenAddr=127.0.0.1:{port}", "-memory.allowedBytes=128MB", *flags("victoria-metrics.flags"),
    ]  # fmt: skip
    server = Victoria(f"http://127.0.0.1:{port}")
    with running(command, folder, lambda: is_well(f"{server.url}/health")):
        yield server
