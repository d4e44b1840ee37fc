"""The key that a device signs its bundles with, and how it is shown to people.

It is made once and kept in the state directory, readable by the agent alone. A state directory that is lost takes the
key along: a device that was set up anew is a stranger to who knew it.
"""

from __future__ import annotations

import base64
import hashlib
import os
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

if TYPE_CHECKING:
    from pathlib import Path

NAME = "bundle.key"
_BYTES = 32


def device_key(state_dir: Path) -> Ed25519PrivateKey:
    """Return the key of a state directory, made where there is none.

    Raises OSError where it can neither be read nor kept, and ValueError for a file that is no key.
    """
    path = state_dir / NAME
    try:
        stored = path.read_bytes()
    except FileNotFoundError:
        return _made(path)
    if len(stored) != _BYTES:
        raise ValueError(f"{path} is no key; move it away, and a new one is made: the device is then known by another")
    return Ed25519PrivateKey.from_private_bytes(stored)


def fingerprint(public: bytes) -> str:
    """Return what people compare a public key by, in the form of OpenSSH's.

    >>> fingerprint(bytes(32))
    'SHA256:Zmh6rfhivXdsj8GLjp+OIAiXFIVu4jOzkCpZHQ1fKSU'
    """
    return "SHA256:" + base64.b64encode(hashlib.sha256(public).digest()).decode().rstrip("=")


def _made(path: Path) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    temporary = path.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, key.private_bytes_raw())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return key
