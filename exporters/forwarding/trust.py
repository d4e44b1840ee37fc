"""Whom a destination is trusted by, and what this device shows it: certificates and a key from files.

Reading the system's certificates takes tens of milliseconds on a small device, and a bad link breaks often: they are
read anew where a file changed, so that one that was exchanged is used without a restart.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from exporters.forwarding.secret import SecretError, secret_path

if TYPE_CHECKING:
    from exporters.forwarding.config import DestinationConfig

_Mark = tuple[int, int, int]


class Trust:
    """The TLS settings of one destination."""

    def __init__(self, config: DestinationConfig) -> None:
        self._config = config
        self._context: ssl.SSLContext | None = None
        self._marks: tuple[_Mark, ...] = ()

    def context(self) -> ssl.SSLContext:
        """Return what is in the files now. Raises SecretError."""
        marks = self._files()
        if self._context is None or marks != self._marks:
            self._context, self._marks = _read(self._config), marks
        return self._context

    def _files(self) -> tuple[_Mark, ...]:
        """Say which versions of the files there are."""
        system = ssl.get_default_verify_paths()
        config = self._config
        key = str(secret_path(config.key_file)) if config.key_file else ""
        names = (system.cafile, system.capath, config.ca_file, config.cert_file, key)
        return tuple(_mark(name) for name in names if name)


def _mark(name: str) -> _Mark:
    try:
        status = Path(name).stat()
    except OSError:  # reading it says what is wrong
        return (0, 0, 0)
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(config: DestinationConfig) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if config.ca_file:
            context.load_verify_locations(config.ca_file)
        if config.cert_file:
            context.load_cert_chain(config.cert_file, secret_path(config.key_file))
    except ssl.SSLError as error:
        files = ", ".join(name for name in (config.ca_file, config.cert_file, config.key_file) if name)
        raise SecretError(f"{files}: not certificates and a key that belong together ({error.reason})") from error
    except OSError as error:
        raise SecretError(f"{config.ca_file or config.cert_file}: {error.strerror}") from error
    return context
