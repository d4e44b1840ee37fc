from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.outbound import Parcel
from exporters.bundle import file
from exporters.bundle.file import MAGIC, Bundle, BundleError, BundleWriter
from exporters.bundle.key import NAME, device_key, fingerprint
from tests.exporters.windows import ORIGIN, START_NS, make_block, make_change, make_host_window, make_window

if TYPE_CHECKING:
    from pathlib import Path

PARCELS = [
    Parcel(id="0f3a-f1", content=make_change()),
    Parcel(id="0f3a-w1", content=make_window([make_block(400)])),
    Parcel(id="0f3a-h1", content=make_host_window()),
]
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def write(path: Path, key: Ed25519PrivateKey = KEY) -> bytes:
    """Write a bundle of two frames; return its bytes."""
    writer = BundleWriter(key)
    written = writer.begin("b-1", ORIGIN, START_NS, ("findings", "driftline_inferences_total"))
    written += writer.add(PARCELS[:2]) + writer.add(PARCELS[2:]) + writer.end()
    path.write_bytes(written)
    return written


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """The header and every parcel, in their order."""
    write(tmp_path / "b")
    bundle = Bundle(tmp_path / "b")
    assert (bundle.header.id, bundle.header.origin, bundle.header.made_ns) == ("b-1", ORIGIN, START_NS)
    assert bundle.header.key == KEY.public_key().public_bytes_raw()
    assert list(bundle.batches()) == [PARCELS[:2], PARCELS[2:]]


def test_any_changed_byte_is_refused(tmp_path: Path) -> None:
    """Wherever it is: header, contents, lengths, key or signature."""
    path = tmp_path / "b"
    whole = write(path)
    chance = random.Random(1)
    places = {*range(400), *range(len(whole) - 100, len(whole)), *(chance.randrange(len(whole)) for _ in range(300))}
    for place in sorted(places):
        changed = bytearray(whole)
        changed[place] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        with pytest.raises(BundleError):
            Bundle(path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_one_that_is_cut_off_is_refused(share: float, tmp_path: Path) -> None:
    """As when the stick was pulled too early."""
    path = tmp_path / "b"
    whole = write(path)
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BundleError, match="is no bundle" if share == 0 else "is cut off: nothing of it is used"):
        Bundle(path)


def test_one_with_something_behind_its_end_is_refused(tmp_path: Path) -> None:
    """Only what was signed is there."""
    path = tmp_path / "b"
    path.write_bytes(write(path) + b"x")
    with pytest.raises(BundleError, match="was altered"):
        Bundle(path)


def test_a_frame_from_another_bundle_of_the_same_device_is_refused(tmp_path: Path) -> None:
    """The signature is of the whole, not of each piece."""
    first, second = BundleWriter(KEY), BundleWriter(KEY)
    begin, frame = first.begin("b-1", ORIGIN, START_NS, ()), first.add(PARCELS[:1])
    second.begin("b-2", ORIGIN, START_NS, ())
    second.add(PARCELS)
    (tmp_path / "b").write_bytes(begin + frame + second.end())
    with pytest.raises(BundleError, match="was altered"):
        Bundle(tmp_path / "b")


def test_one_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """A file that was verified is not believed for ever."""
    path = tmp_path / "b"
    whole = write(path)
    bundle = Bundle(path)
    path.write_bytes(whole[:-200] + b"\0" + whole[-199:])
    with pytest.raises(BundleError, match="changed while it was read"):
        list(bundle.batches())


def test_many_parcels_are_cut_into_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are given at once."""
    monkeypatch.setattr(file, "MOST_FRAME", 10_000)
    many = [Parcel(id=f"0f3a-{place}", content=make_window([make_block(200, place)])) for place in range(40)]
    writer = BundleWriter(KEY)
    written = writer.begin("b-1", ORIGIN, START_NS, ()) + writer.add(many) + writer.end()
    (tmp_path / "b").write_bytes(written)
    batches = list(Bundle(tmp_path / "b").batches())
    assert len(batches) > 1
    assert [parcel for batch in batches for parcel in batch] == many


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    """Without a word of Python."""
    (tmp_path / "b").write_bytes(b"PK\3\4 a zip")
    with pytest.raises(BundleError, match="is no bundle"):
        Bundle(tmp_path / "b")
    with pytest.raises(BundleError, match="No such file"):
        Bundle(tmp_path / "none")
    (tmp_path / "b").write_bytes(MAGIC + b"\0\0\0\0" + bytes(64))
    with pytest.raises(BundleError, match="no header"):
        Bundle(tmp_path / "b")


def test_a_device_keeps_its_key_for_itself(tmp_path: Path) -> None:
    """Made once, for the agent's eyes alone."""
    made = device_key(tmp_path)
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    assert device_key(tmp_path).private_bytes_raw() == made.private_bytes_raw()
    assert fingerprint(made.public_key().public_bytes_raw()).startswith("SHA256:")
    (tmp_path / NAME).write_bytes(b"short")
    with pytest.raises(ValueError, match="is no key; move it away"):
        device_key(tmp_path)
