"""Where data comes from: the rings that probes write, the host, and tables in files.

`FACTORIES` is the registration table; nothing is imported before a factory is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from agent.clock import Clock
    from agent.ports import Collector


def make_rings(directories: Sequence[Path], clock: Clock, positions: Mapping[str, int] | None = None) -> Collector:
    """Return the collector of the rings in some directories."""
    from collectors.rings import RingCollector  # noqa: PLC0415  # numpy loads only where it is used

    return RingCollector(directories, clock, positions)


def make_host(clock: Clock, interval_s: float = 5.0, state_dir: Path | None = None) -> Collector:
    """Return the collector of host telemetry."""
    from collectors.host import HostCollector  # noqa: PLC0415  # psutil loads only where it is used

    return HostCollector(clock, interval_s=interval_s, state_dir=state_dir)


FACTORIES: Mapping[str, Callable[..., Collector]] = {"rings": make_rings, "host": make_host}
