"""One request to one address, and what came back, in words where it went wrong.

A request has a deadline as a whole: name, connection, sending, and an answer that drips in byte by byte. Redirects are
not followed: what a destination gets is for the address that was configured. Secrets are read for each connection, so
that one that was exchanged is used without a restart.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import ssl
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import aiohttp

from exporters.forwarding.certificate import validity
from exporters.forwarding.patience import Patience
from exporters.forwarding.secret import SecretError, read_secret
from exporters.forwarding.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporters.forwarding.config import DestinationConfig

MOST_ANSWER_BYTES = 65_536
LONGEST_WAIT_S = 3_600.0  # that a receiver may ask for
_PLAIN_ANSWER = {"Accept-Encoding": "identity"}  # what an answer says decides about parcels: it is read as it comes
_HEADER_BYTES = 300  # what the headers of a request take, about; bodies are counted


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request. status: 0 where there was no whole answer; then `trouble` says why.

    lasting: that it is no passing trouble of the network: a person must do something. fields: names of what was in it.
    took_some: whatever the status says, a part of it was taken.
    """

    status: int
    body: bytes = b""
    retry_after_s: float = 0.0
    trouble: str = ""
    lasting: bool = False
    sent_bytes: int = 0
    fields: frozenset[str] = frozenset()
    took_some: bool = False


class Poster:
    """Posts to one destination. Used in one event loop."""

    def __init__(self, config: DestinationConfig) -> None:
        self._config = config
        self._trust = Trust(config)
        self._session: aiohttp.ClientSession | None = None
        self._patience = Patience()
        self._reached = False  # whether anything of it went over the wire
        self._dates: dict[str, str] = {}  # until when a certificate is valid, by what was said of it

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, compress: bool = False) -> Answer:
        """Post a body; raises nothing for what the other side, the network or a missing file does."""
        payload = await asyncio.to_thread(gzip.compress, body, 6, mtime=0) if compress else body
        extra = {"Content-Encoding": "gzip"} if compress else {}
        sent = len(payload) + _HEADER_BYTES
        self._reached = False
        try:
            session = self._session or await self._connect()
            self._session = session
            headers = {**headers, **_PLAIN_ANSWER, **extra, **self._config.headers, **self._authorization()}
            async with (
                self._patience.span(self._config.timeout_seconds),
                session.post(url, data=payload, headers=headers, allow_redirects=False) as response,
            ):
                answer = await _beginning(response.content)
                wait = retry_after(response.headers.get("Retry-After", ""), response.headers.get("Date", ""))
                self._dates.clear()
                return Answer(response.status, answer, wait, sent_bytes=sent)
        except (SecretError, OSError, aiohttp.ClientError, TimeoutError, ValueError) as error:
            await self._let_go()  # a connection in an unknown state is not used again
            words, lasting = in_words(error, self._config.timeout_seconds)
            if isinstance(error, aiohttp.ClientConnectorCertificateError):
                words += await self._date(words, error)
            return Answer(0, trouble=words, lasting=lasting, sent_bytes=sent if self._reached else 0)

    async def close(self) -> None:
        """Break off what is on its way, and let go of the connections. May be called twice."""
        if not self._patience.end():
            await self._let_go()

    async def _let_go(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _date(self, words: str, error: aiohttp.ClientConnectorCertificateError) -> str:
        """Say until when a certificate is valid; it is looked at once, and anew where something else is said of one."""
        if words not in self._dates:
            said = await validity(error.host, error.port or 443, error.certificate_error, self._config.timeout_seconds)
            self._dates = {words: said} if said else {}
        return self._dates.get(words, "")

    async def _connect(self) -> aiohttp.ClientSession:
        encrypted = self._config.url.startswith("https:")
        context = await asyncio.to_thread(self._trust.context) if encrypted else True
        connector = aiohttp.TCPConnector(limit=1, ssl=context, keepalive_timeout=30)
        no_other = aiohttp.ClientTimeout(total=None, sock_connect=None)  # the deadline is that of the whole request
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(self._sent)
        return aiohttp.ClientSession(
            connector=connector, auto_decompress=False, trust_env=False, timeout=no_other, trace_configs=[trace]
        )

    async def _sent(self, *_said: object) -> None:
        self._reached = True

    def _authorization(self) -> dict[str, str]:
        config = self._config
        if config.token_file:
            return {"Authorization": f"Bearer {read_secret(config.token_file)}"}
        if config.username:
            return {"Authorization": aiohttp.encode_basic_auth(config.username, read_secret(config.password_file))}
        return {}


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    """Read an answer, or what fits: a single read gives what has come by then."""
    answer = bytearray()
    while len(answer) < MOST_ANSWER_BYTES and (piece := await content.read(MOST_ANSWER_BYTES - len(answer))):
        answer += piece
    return bytes(answer)


def retry_after(value: str, date: str = "") -> float:
    """Return the seconds that a `Retry-After` header asks for, at most LONGEST_WAIT_S; 0 where it cannot be read.

    A time in it is taken against the answer's own `Date`: the device's clock may be wrong (RFC 9110, 10.2.3).

    >>> retry_after("120"), retry_after("soon")
    (120.0, 0.0)
    >>> retry_after("Wed, 21 Oct 2026 07:28:30 GMT", "Wed, 21 Oct 2026 07:28:00 GMT")
    30.0
    """
    try:
        if value.strip().isdigit():
            seconds = float(value)
        else:
            seconds = (parsedate_to_datetime(value) - parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_WAIT_S)


def in_words(error: Exception, timeout_s: float) -> tuple[str, bool]:
    """Say what kept a request from being answered, and whether it takes a person to mend it."""
    match error:
        case SecretError():
            return str(error), True
        case aiohttp.ClientConnectorCertificateError():
            why = getattr(error.certificate_error, "verify_message", "") or str(error.certificate_error)
            said = f"the certificate of {error.host} is refused: {why}"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            said = f"no encrypted connection can be made: {getattr(error, 'reason', None) or error}"
        case aiohttp.ClientConnectorDNSError():
            return f"the name {error.host} is not known here: no network, or no such host", False
        case aiohttp.ClientConnectorError():
            return f"{error.host}:{error.port} cannot be reached: {_why(error.os_error)}", False
        case aiohttp.InvalidURL():  # whose own words repeat the whole of it
            said = "the address cannot be used: correct url"
        case TimeoutError():
            return f"no answer within {timeout_s:g} s", False
        case _:
            return _broken(error), False
    return said, True


def _broken(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientResponseError):  # whose own words hold the whole address
        return f"the answer is no HTTP: {error.message}"
    return f"the connection broke: {getattr(error, 'strerror', None) or error or type(error).__name__}"


def _why(error: OSError) -> str:
    """Give the system's word for an error; the event loop has one of its own."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
