from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from agent.outbound import Origin, Outcome, Parcel
from exporters.bundle.file import Bundle, BundleWriter
from exporters.bundle.sending import ATTEMPTS, SLOW, Sending, send_bundle
from exporters.forwarding.config import DestinationConfig
from exporters.forwarding.judging import EVERYTHING, Doubt, deliver
from exporters.forwarding.post import Answer
from tests.exporters.bundle.test_bundle_file import KEY, write
from tests.exporters.windows import ORIGIN, START_NS, make_block, make_change, make_window

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


def send(bundle: Bundle, taker: Taker | Refuser) -> tuple[Sending, list[float]]:
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


class Refuser:
    """Refuses some parcels by a bare status, and takes the others, as `deliver` tells of a receiver."""

    name = "hall"

    def __init__(self, bad: set[str], heals_after: int = 10**6) -> None:
        self.bad, self.heals_after = bad, heals_after
        self.tried: Counter[str] = Counter()
        self.doubt = Doubt()

    def __call__(self, _config: DestinationConfig, _origin: Origin) -> Refuser:
        return self

    async def send(self, parcels: Sequence[Parcel]) -> Outcome:
        self.tried.update(parcel.id for parcel in parcels)
        return await deliver(parcels, self._post, self.doubt)

    async def _post(self, parcels: Sequence[Parcel]) -> Answer:
        self.heals_after -= 1
        is_bad = self.heals_after >= 0 and any(parcel.id in self.bad for parcel in parcels)
        return Answer(400 if is_bad else 200, b"no", sent_bytes=1)

    async def close(self) -> None:
        pass


def frames(path: Path) -> Bundle:
    """A bundle of four frames: two of findings, two of windows, two parcels each; f0 to f3, w0 to w3."""
    window = make_window([make_block(40)])
    findings = [Parcel(id=f"f{number}", content=make_change(number)) for number in range(4)]
    windows = [Parcel(id=f"w{number}", content=window) for number in range(4)]
    writer = BundleWriter(KEY)
    written = writer.begin("b-1", ORIGIN, START_NS, ())
    for parcels in (findings[:2], findings[2:], windows[:2], windows[2:]):
        written += writer.add(parcels)
    path.write_bytes(written + writer.end())
    return Bundle(path)


def test_a_frame_that_is_refused_whole_holds_up_no_other(tmp_path: Path) -> None:
    """It is tried once more when the others were taken, and then counted as refused; also where there are several."""
    refuser = Refuser({"f0", "f1", "w2", "w3"})
    done, _ = send(frames(tmp_path / "b"), refuser)
    assert (done.accepted, dict(done.rejected), done.trouble) == (4, {"400: no": 4}, "")
    assert refuser.tried == {"f0": 2, "f1": 2, "f2": 1, "f3": 1, "w0": 1, "w1": 1, "w2": 2, "w3": 2}


def test_what_was_set_aside_can_arrive_later(tmp_path: Path) -> None:
    """The receiver had a bad moment: all arrives, and nothing is said to be refused."""
    done, _ = send(frames(tmp_path / "b"), Refuser({"f0", "f1"}, heals_after=3))
    assert (done.accepted, dict(done.rejected), done.trouble) == (8, {}, "")


def test_a_destination_that_refuses_everything_of_a_kind_is_what_is_at_fault(tmp_path: Path) -> None:
    """Windows arrive where no finding does; that is said, and no finding counts as refused for good."""
    refuser = Refuser({"f0", "f1", "f2", "f3"})
    done, _ = send(frames(tmp_path / "b"), refuser)
    assert (done.accepted, dict(done.rejected)) == (4, {})
    assert done.trouble == f"{EVERYTHING} (400: no)"


def test_what_was_not_tried_beside_what_is_refused_is_sent_next(tmp_path: Path) -> None:
    """One frame holds both; the windows wait for no verdict on the finding."""
    write(tmp_path / "b")
    refused = Outcome(retry=(0, 1), doubted={0: "400: no"}, trouble=EVERYTHING, lasting=True)
    taker = Taker(trouble=refused)

    async def wait(_seconds: float) -> None:
        taker.trouble = None

    done = asyncio.run(send_bundle(Bundle(tmp_path / "b"), HALL, taker, wait))
    assert (done.accepted, taker.taken, done.trouble) == (2, ["0f3a-w1", "0f3a-h1"], f"{EVERYTHING} (400: no)")
