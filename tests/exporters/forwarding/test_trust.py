from pathlib import Path

import pytest

from exporters.forwarding.config import DestinationConfig
from exporters.forwarding.secret import SecretError
from exporters.forwarding.trust import Trust
from tests.servers.certificates import Authority


def trusting(authority: Path, cert: Path, key: Path) -> Trust:
    """Return the trust of a destination with its own authority, and with a certificate of this device."""
    files = {"ca_file": str(authority), "cert_file": str(cert), "key_file": str(key)}
    return Trust(DestinationConfig(name="fleet", kind="otlp", url="https://fleet.example", **files))  # type: ignore[arg-type]


def test_files_are_read_anew_where_one_changed(tmp_path: Path) -> None:
    """One context serves all connections until a certificate is exchanged; then there is another."""
    authority = Authority(tmp_path)
    cert, key = authority.issue("press-3")
    trust = trusting(authority.file, cert, key)
    before = trust.context()
    assert trust.context() is before
    authority.issue("press-3")
    after = trust.context()
    assert (after is before, trust.context() is after) == (False, True)


def test_a_key_that_others_can_read_is_refused_from_then_on(tmp_path: Path) -> None:
    """The error names the file and what to do, although the key was read before."""
    authority = Authority(tmp_path)
    cert, key = authority.issue("press-3")
    trust = trusting(authority.file, cert, key)
    trust.context()
    key.chmod(0o644)
    with pytest.raises(SecretError, match=r"press-3\.key: others can read it"):
        trust.context()


def test_files_that_do_not_belong_together_are_named(tmp_path: Path) -> None:
    """A key of another certificate, and an authority that is gone, are refused by name."""
    authority = Authority(tmp_path)
    cert, _ = authority.issue("press-3")
    _, other = authority.issue("press-4")
    with pytest.raises(SecretError, match=r"press-3\.pem.*not certificates and a key that belong together"):
        trusting(authority.file, cert, other).context()
    (tmp_path / "gone").mkdir()
    authority.file.rename(tmp_path / "gone" / "authority.pem")
    with pytest.raises(SecretError, match=f"{authority.file.name}: No such file"):
        trusting(authority.file, cert, other).context()
