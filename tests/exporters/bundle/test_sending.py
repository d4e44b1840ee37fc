from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from agent.outbound import Origin, Outcome, Parcel
from exporters.bundle.file import Bundle, BundleWriter
from exporters.bundle.sending import ATTEMPTS, SLOW, Sending, send_bundle
from exporters.forwarding.config import DestinationConfig
from tests.exporters.bundle.test_bundle_file import KEY, write
from tests.exporters.windows import ORIGIN, START_NS, make_change

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HALL = DestinationConfig(name="hall", kind="otlp", url="http://127.0.0.1:4318", fields=("driftline_*",))


class Taker:
    """Takes the first so many of each batch; with a trouble it takes nothing, as often as it says."""

    name = "hall"

    def __init__(self, most: int = 10**6, away: int = 0, trouble: Outcome | None = None) -> None:
        self.most, self.away, self.trouble = most, away, trouble
        self.taken: list[str] = []
        self.config: DestinationConfig | None = None
        self.origin: Origin | None = None
        self.closed = False

    def __call__(self, config: DestinationConfig, origin: Origin) -> Taker:
        self.config, self.origin = config, origin
        return self

    async def send(self, parcels: Sequence[Parcel]) -> Outcome:
        every = tuple(range(len(parcels)))
        if self.trouble:
            return self.trouble
        if self.away:
            self.away -= 1
            return Outcome(retry=every, trouble="no answer within 30 s", retry_after_s=7.0)
        self.taken += [parcel.id for parcel in parcels[: self.most]]
        return Outcome(accepted=every[: self.most], retry=every[self.most :])

    async def close(self) -> None:
        self.closed = True


def send(bundle: Bundle, taker: Taker) -> tuple[Sending, list[float]]:
    """Send, and return how far it came and how long it waited each time."""
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    return asyncio.run(send_bundle(bundle, HALL, taker, wait)), waits


def test_all_of_it_arrives_in_the_name_of_the_device(tmp_path: Path) -> None:
    """With what both the device's and the destination's allow-lists name."""
    write(tmp_path / "b")
    taker = Taker(most=1)
    done, _ = send(Bundle(tmp_path / "b"), taker)
    assert (done.accepted, done.trouble, taker.taken) == (3, "", ["0f3a-f1", "0f3a-w1", "0f3a-h1"])
    assert (taker.origin, taker.closed) == (ORIGIN, True)
    assert taker.config is not None
    assert taker.config.fields == ("driftline_inferences_total",)


def test_a_destination_that_is_away_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    """As long as it asks for, and longer each time."""
    write(tmp_path / "b")
    done, waits = send(Bundle(tmp_path / "b"), Taker(away=4))
    assert (done.accepted, done.trouble, waits) == (3, "", [7.0, 7.0, 8.0, 16.0])


def test_it_is_given_up_with_the_reason(tmp_path: Path) -> None:
    """After ATTEMPTS in a row, or at once where only a person can help."""
    write(tmp_path / "b")
    done, waits = send(Bundle(tmp_path / "b"), Taker(away=100))
    assert (done.accepted, done.trouble, len(waits)) == (0, "no answer within 30 s", ATTEMPTS - 1)
    refused = Outcome(retry=(0, 1), trouble="the credentials are refused (401)", lasting=True)
    done, waits = send(Bundle(tmp_path / "b"), Taker(trouble=refused))
    assert (done.trouble, waits) == ("the credentials are refused (401)", [])
    done, waits = send(Bundle(tmp_path / "b"), Taker(trouble=Outcome(retry=(0, 1))))  # its patience was over
    assert (done.accepted, done.trouble, len(waits)) == (0, SLOW, ATTEMPTS - 1)


def test_what_is_refused_for_good_is_counted_by_its_reason(tmp_path: Path) -> None:
    """And the rest goes on."""
    writer = BundleWriter(KEY)
    parcels = [Parcel(id=f"0f3a-f{number}", content=make_change(number)) for number in range(3)]
    written = writer.begin("b-1", ORIGIN, START_NS, ()) + writer.add(parcels) + writer.end()
    (tmp_path / "b").write_bytes(written)
    done, _ = send(
        Bundle(tmp_path / "b"), Taker(trouble=Outcome(accepted=(1,), rejected={0: "400: old", 2: "400: old"}))
    )
    assert (done.accepted, dict(done.rejected)) == (1, {"400: old": 2})
