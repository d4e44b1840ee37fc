"""`[[destination]]`: where summaries and findings go, one table each."""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from agent.config import ValueRefusedError
from agent.outbound import BUNDLE
from exporters import naming

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind = Literal["otlp", "remote-write", "mqtt"]

_SCHEMES: dict[str, tuple[str, str]] = {  # (with TLS, without)
    "otlp": ("https", "http"),
    "remote-write": ("https", "http"),
    "mqtt": ("mqtts", "mqtt"),
}
_EXAMPLES: dict[str, str] = {
    "otlp": "https://collector.example:4318",
    "remote-write": "https://metrics.example/api/v1/write",
    "mqtt": "mqtts://broker.example:8883",
}
FINDINGS_FIELD = "findings"  # not a metric: the texts of findings
# Extremes are single values of a model's inputs: they leave the device where somebody asks for them by name.
DEFAULT_FIELDS = (FINDINGS_FIELD, "driftline_*", "system_*", "process_*", "hw_*")
PRIVATE = frozenset({naming.SIGNAL_LEAST.name, naming.SIGNAL_MOST.name})


class DestinationConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One destination.

    name: what it is called in commands and findings; its place in the queue belongs to the name.
    url: of OTLP the base, to which /v1/metrics and /v1/logs are added; of remote write the whole, a
        query included, which is shown nowhere; of MQTT the broker.
    interval_seconds: how often windows are sent; findings go at once.
    bytes_per_hour: what may be sent in an hour, backlog included; 0 is without limit.
    finding_after_seconds: how long nothing may come through before a finding says so; at once where it takes a person.
    timeout_seconds: for one request, from the look-up of the name to the last byte of the answer.
    plaintext: allow a connection without TLS to another machine.
    ca_file: certificates to trust, beside those of the system. cert_file, key_file: this device's own.
    token_file: holds a bearer token. username, password_file: basic authentication (MQTT: its own).
        A file that only its owner can read (0600), or `credential:NAME` for one that systemd hands over.
    headers: sent with each request, such as the tenant's.
    fields: names of what may leave, `*` for any text; `findings` for the texts of findings. The least and the greatest
        value of a signal leave only where they are named without `*`.
    """

    name: str
    kind: Kind
    url: str
    interval_seconds: Annotated[float, msgspec.Meta(ge=10, le=86_400)] = 300.0
    bytes_per_hour: Annotated[int, msgspec.Meta(ge=0)] = 2_000_000
    timeout_seconds: Annotated[float, msgspec.Meta(gt=0, le=600)] = 30.0
    finding_after_seconds: Annotated[float, msgspec.Meta(ge=60, le=604_800)] = 900.0
    plaintext: bool = False
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    token_file: str = ""
    username: str = ""
    password_file: str = ""
    headers: dict[str, str] = {}
    fields: tuple[str, ...] = DEFAULT_FIELDS
    topic: str = "driftline"  # MQTT: what every topic begins with

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", self.name):
            raise ValueRefusedError("name", "accepted are up to 32 lower-case letters, digits and hyphens")
        parts = urlsplit(self.url)
        secure, plain = _SCHEMES[self.kind]
        if parts.username or parts.password:
            why = "a password does not belong into an address: use username and password_file"
            raise ValueRefusedError("url", why, secret=True)
        has_more = self.url != self.shown_url  # a key, perhaps
        if parts.scheme not in {secure, plain} or not parts.hostname:
            raise ValueRefusedError("url", f"accepted is an address such as {_EXAMPLES[self.kind]!r}", secret=has_more)
        if has_more and self.kind != "remote-write":
            why = f"nothing can follow a ? or # here: accepted is an address such as {_EXAMPLES[self.kind]!r}"
            raise ValueRefusedError("url", why, secret=True)
        if parts.scheme == plain and not (self.plaintext or is_loopback(parts.hostname)):
            why = f"{plain}:// sends everything in the clear: use {secure}://, or set plaintext = true"
            raise ValueRefusedError("url", why, secret=has_more)
        self._check_secrets(encrypted=parts.scheme == secure)
        if self.name == BUNDLE:
            raise ValueRefusedError(
                "name", f"{BUNDLE} is what `driftline bundle` is called in the queue; choose another"
            )
        refuse_unknown_fields(self.fields)

    def _check_secrets(self, *, encrypted: bool) -> None:
        if self.token_file and self.username:
            raise ValueRefusedError("token_file", "accepted is a token or a username, not both")
        if bool(self.username) != bool(self.password_file):
            raise ValueRefusedError("username", "username and password_file go together")
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueRefusedError("cert_file", "cert_file and key_file go together")
        if not encrypted and (self.cert_file or self.ca_file):
            why = "certificates need an encrypted address"
            raise ValueRefusedError("url", why, secret=self.url != self.shown_url)
        known = {"authorization", "content-type", "content-encoding", "content-length", "host"}
        for name in self.headers:
            if name.lower() in known or not re.fullmatch(r"[A-Za-z0-9-]+", name):
                raise ValueRefusedError("headers", f"{name!r} cannot be set here")

    @property
    def shown_url(self) -> str:
        """The address as people may see it: without query and fragment, which may hold a key."""
        return re.split(r"[?#]", self.url, maxsplit=1)[0]

    @property
    def takes_findings(self) -> bool:
        """Whether the texts of findings go there."""
        return self.kind != "remote-write" and self.may_leave(FINDINGS_FIELD)

    def may_leave(self, field: str) -> bool:
        """Whether the allow-list names a metric, or the findings."""
        return is_named(field, self.fields)


def is_named(field: str, patterns: Sequence[str]) -> bool:
    """Whether an allow-list names a metric, or the findings."""
    if field in PRIVATE:
        return field in patterns
    return any(fnmatch.fnmatchcase(field, pattern) for pattern in patterns)


def refuse_unknown_fields(patterns: Sequence[str]) -> None:
    """Raise ValueRefusedError for a pattern of an allow-list that names nothing."""
    for pattern in patterns:
        if pattern != FINDINGS_FIELD and not any(fnmatch.fnmatchcase(name, pattern) for name in naming.METRICS):
            raise ValueRefusedError("fields", f"{pattern!r} names nothing that is ever sent")


def refuse_same_names(destinations: Sequence[DestinationConfig]) -> None:
    """Raise ValueRefusedError where two destinations have one name, and so would have one place in the queue."""
    names = [one.name for one in destinations]
    for at, name in enumerate(names):
        if name in names[:at]:
            raise ValueRefusedError(f"destination[{at}].name", "another destination has this name; each needs its own")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("192.168.0.7")
    (True, True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
