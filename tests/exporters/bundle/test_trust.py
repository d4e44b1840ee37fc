from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from exporters.bundle.file import BundleError, Header
from exporters.bundle.key import fingerprint
from exporters.bundle.trust import require_trust, trust_file
from tests.exporters.windows import ORIGIN

if TYPE_CHECKING:
    from pathlib import Path

HEADER = Header(id="b-1", origin=ORIGIN, made_ns=0, key=bytes(32), fields=())
SHOWN = fingerprint(HEADER.key)


def test_an_unknown_key_has_to_be_vouched_for_once(tmp_path: Path) -> None:
    """The words say what to compare and what to type."""
    path = tmp_path / "driftline" / "known_devices"
    with pytest.raises(BundleError, match=rf"press-3 at plant-7, signed by .*--trust {SHOWN.replace('+', '.')}"):
        require_trust(HEADER, path, "")
    assert require_trust(HEADER, path, SHOWN)
    assert not require_trust(HEADER, path, "")
    assert path.read_text() == f"0f3a {SHOWN} plant-7 press-3\n"


def test_one_key_does_not_vouch_for_another(tmp_path: Path) -> None:
    """What was typed is of another device."""
    with pytest.raises(BundleError, match="not from the device that you mean"):
        require_trust(HEADER, tmp_path / "known", fingerprint(b"\1" * 32))


def test_another_key_of_a_known_device_is_refused(tmp_path: Path) -> None:
    """Even where it is typed: a line has to be removed by hand."""
    path = tmp_path / "known"
    require_trust(HEADER, path, SHOWN)
    other = structs.replace(HEADER, key=b"\1" * 32)
    with pytest.raises(BundleError, match=r"is not the one that is known: .* remove its line from"):
        require_trust(other, path, fingerprint(other.key))


def test_known_keys_are_kept_with_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below XDG_CONFIG_HOME, else ~/.config (XDG Base Directory)."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert trust_file() == tmp_path / "driftline" / "known_devices"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", "/home/ada")
    assert str(trust_file()) == "/home/ada/.config/driftline/known_devices"
