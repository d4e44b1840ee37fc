"""Trying a destination: sends it the newest summary, or a small test one, and says in words what came back.

A connection of its own is made for it, so that names, certificates and credentials are tried anew, whatever the regular
sending has open. What is sent is true, so that nobody has to clear it away: a window again, or how long the device has
been up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.forwarded import LinkResult
from agent.outbound import HostWindow, Parcel, Rollup
from agent.summary import moments
from exporters.forwarding.kinds import EXPORTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.clock import DeviceClock
    from agent.outbound import Origin, Outcome
    from exporters.forwarding.config import DestinationConfig

TEST_S = 1.0  # what a test summary spans


async def try_link(
    config: DestinationConfig, origin: Origin, parcels: Sequence[Parcel], clock: DeviceClock
) -> tuple[LinkResult, Outcome]:
    """Send parcels, or a test summary where there are none, and say what became of them."""
    sent = parcels or [test_parcel(origin, clock)]
    exporter = EXPORTERS[config.kind](config, origin)
    began_ns = clock.monotonic_ns()
    try:
        outcome = await exporter.send(sent)
    finally:
        await exporter.close()
    seconds = (clock.monotonic_ns() - began_ns) / 1e9
    ok, said = _in_words(outcome, "the newest summary" if parcels else "a test summary", seconds)
    result = LinkResult(
        destination=config.name, address=config.shown_url, ok=ok, said=said, seconds=seconds, bytes=outcome.sent_bytes
    )
    return result, outcome


def test_parcel(origin: Origin, clock: DeviceClock) -> Parcel:
    """Return a summary that holds one reading: how long the device has been up."""
    up_s, now_ns = clock.since_boot_ns() / 1e9, clock.wall_ns()
    reading = Rollup("system.uptime", "s", (), moments([up_s]), up_s)
    content = HostWindow(time_ns=now_ns - round(TEST_S * 1e9), seconds=TEST_S, readings=(reading,))
    return Parcel(id=f"{origin.instance}-t{now_ns}", content=content)


def _in_words(outcome: Outcome, what: str, seconds: float) -> tuple[bool, str]:
    if outcome.trouble:
        return False, outcome.trouble
    if outcome.rejected:
        return False, f"{what} is refused: {next(iter(outcome.rejected.values()))}"
    if not outcome.sent_bytes:
        return False, f"nothing was sent: `fields` lets nothing of {what} leave"
    return True, f"{what} is accepted in {seconds * 1e3:.0f} ms ({outcome.sent_bytes:,} bytes)"
