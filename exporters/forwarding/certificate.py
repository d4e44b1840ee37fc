"""Until when the certificate of a server is valid that was refused: what a person needs to know of it.

The handshake that failed does not tell, so another is made that believes anything, reads the certificate, and sends
nothing.
"""

from __future__ import annotations

import asyncio
import ssl

EXPIRED, NOT_YET_VALID = 10, 9  # X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID of OpenSSL


async def validity(host: str, port: int, error: object, timeout_s: float) -> str:
    """Say in brackets until when, or from when on, a certificate is valid; empty where that is not why it is refused.

    Parameters
    ----------
    host, port
        The server.
    error
        What the refused handshake raised.
    timeout_s
        How long to wait for the server.

    """
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    if code not in {EXPIRED, NOT_YET_VALID}:
        return ""
    from cryptography import x509  # noqa: PLC0415  # loaded where a certificate is refused

    try:
        found = x509.load_der_x509_certificate(await _shown(host, port, timeout_s))
    except (OSError, TimeoutError, ValueError):  # then the date is not known
        return ""
    if code == EXPIRED:
        return f" (it was valid until {found.not_valid_after_utc:%Y-%m-%d %H:%M} UTC)"
    return f" (it is valid from {found.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on: is the device's clock right?)"


async def _shown(host: str, port: int, timeout_s: float) -> bytes:
    """Return the certificate that a server shows. Raises OSError, TimeoutError, ValueError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    async with asyncio.timeout(timeout_s):
        _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    try:
        tls = writer.get_extra_info("ssl_object")
        return tls.getpeercert(binary_form=True) or b""
    finally:
        writer.transport.abort()
