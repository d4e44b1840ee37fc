"""Reads the clocks of a device together, and says how far the readings can be apart.

No two clocks can be read at once, and a device that is busy may stop the agent for a second between the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from agent.clock import DeviceClock

_FINE_NS = 1_000_000  # nearer than that, a clock is not followed: nobody's time source is better than that
_TRIES, _SHARP_NS = 3, 100_000


class Look(NamedTuple):
    """The clocks at one moment, to `apart_ns`."""

    monotonic_ns: int
    since_ns: int  # boot
    offset_ns: int  # wall time less the time since boot
    apart_ns: int

    @property
    def sure_ns(self) -> int:
        """Look for no difference that is smaller."""
        return _FINE_NS + self.apart_ns

    @property
    def slept_ns(self) -> int:
        """How long the machine has slept in this boot."""
        return self.since_ns - self.monotonic_ns


def look_at(device: DeviceClock) -> Look:
    """Read the clocks; where something came between, again."""
    looks = []
    for _ in range(_TRIES):
        first = device.since_boot_ns()
        monotonic_ns, wall_ns = device.monotonic_ns(), device.wall_ns()
        apart_ns = device.since_boot_ns() - first
        since_ns = first + apart_ns // 2
        looks.append(Look(monotonic_ns, since_ns, wall_ns - since_ns, apart_ns))
        if apart_ns <= _SHARP_NS:
            break
    return min(looks, key=lambda look: look.apart_ns)
