from pathlib import Path
from typing import get_args

import msgspec
import pytest

from agent.config import ConfigError, read_config
from agent.wiring import Config
from exporters import naming
from exporters.forwarding.config import DestinationConfig, Kind
from exporters.forwarding.kinds import EXPORTERS


class Root(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A configuration with destinations."""

    destination: tuple[DestinationConfig, ...] = ()


def read(tmp_path: Path, **keys: str) -> DestinationConfig:
    """Read one destination; values as TOML writes them."""
    usual = {"name": '"hq"', "kind": '"otlp"', "url": '"https://collector.example:4318"'}
    path = tmp_path / "driftline.toml"
    path.write_text("[[destination]]\n" + "".join(f"{key} = {value}\n" for key, value in (usual | keys).items()))
    return read_config(path, Root).destination[0]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"url": '"http://collector.example:4318"'}, "in the clear: use https://, or set plaintext = true"),
        ({"url": '"ftp://collector.example"'}, "accepted is an address such as 'https://collector.example:4318'"),
        ({"url": '"https://me:secret@collector.example"'}, "use username and password_file"),
        ({"url": '"https://collector.example?token=secret"'}, "nothing can follow a ? or # here"),
        ({"url": '"https://collector.example#secret"'}, "nothing can follow a ? or # here"),
        ({"url": '"ftp://collector.example?token=secret"'}, "accepted is an address such as"),
        ({"kind": '"remote-write"', "url": '"http://10.0.0.7/write?token=secret"'}, "in the clear"),
        ({"kind": '"mqtt"', "url": '"mqtts://broker.example?token=secret"'}, "nothing can follow a ? or # here"),
        ({"name": '"Head Quarters"'}, "lower-case letters, digits and hyphens"),
        ({"kind": '"kafka"'}, "accepted: 'otlp', 'remote-write', 'mqtt'"),
        ({"username": '"me"'}, "username and password_file go together"),
        ({"cert_file": '"a.pem"'}, "cert_file and key_file go together"),
        ({"fields": '["driftlin_*"]'}, "'driftlin_*' names nothing that is ever sent"),
        ({"headers": '{ Authorization = "x" }'}, "'Authorization' cannot be set here"),
        ({"interval_seconds": "1"}, "accepted is a number >= 10"),
        ({"token": '"x"'}, "did you mean token_file?"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_key_and_what_is_accepted(tmp_path: Path, keys: dict[str, str], said: str) -> None:
    """What cannot be used is refused with the line, the key and what would be accepted; no secret is repeated."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, **keys)
    assert said in str(caught.value)
    assert "driftline.toml:" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_plaintext_is_for_this_machine_or_for_those_who_ask(tmp_path: Path) -> None:
    """Loopback needs no TLS; another machine does, unless plaintext was asked for by name."""
    assert read(tmp_path, url='"http://127.0.0.1:4318"').url == "http://127.0.0.1:4318"
    assert read(tmp_path, url='"http://10.0.0.7:4318"', plaintext="true").plaintext


def test_a_key_in_an_address_is_sent_and_never_shown(tmp_path: Path) -> None:
    """Remote write takes a query; what people see of the address ends before it."""
    config = read(tmp_path, kind='"remote-write"', url='"https://metrics.example/write?token=secret#part"')
    assert config.url == "https://metrics.example/write?token=secret#part"
    assert config.shown_url == "https://metrics.example/write"


def test_extremes_leave_only_where_they_are_named(tmp_path: Path) -> None:
    """A pattern lets no single input value out; its name does."""
    usual = read(tmp_path)
    assert usual.may_leave(naming.INFERENCES.name)
    assert not usual.may_leave(naming.SIGNAL_MOST.name)
    named = read(tmp_path, fields='["driftline_signal_most"]')
    assert named.may_leave(naming.SIGNAL_MOST.name)
    assert not named.may_leave(naming.INFERENCES.name)


def test_two_destinations_need_two_names(tmp_path: Path) -> None:
    """One name would be one place in the queue; the second table is named."""
    path = tmp_path / "driftline.toml"
    table = '[[destination]]\nname = "hq"\nkind = "otlp"\nurl = "https://collector.example"\n'
    path.write_text(table + table)
    with pytest.raises(ConfigError, match=r"driftline\.toml:6: destination\[1\]\.name = 'hq': another destination"):
        read_config(path, Config)


def test_every_kind_has_its_exporter() -> None:
    """What the configuration accepts can be sent to."""
    assert set(EXPORTERS) == set(get_args(Kind))
