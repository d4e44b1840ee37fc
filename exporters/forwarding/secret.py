"""Secrets from files: never from arguments, the environment or the configuration itself, and never into a log.

`credential:NAME` is a file that systemd hands to the unit (`LoadCredential=`, systemd.exec(5)).
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

_PREFIX = "credential:"
MOST_BYTES = 16_384


class SecretError(Exception):
    """A secret cannot be had; the message names the file and what to do, never what is in it."""


def read_secret(place: str) -> str:
    """Return the text of a secret file, without white space around it. Raises SecretError."""
    path = secret_path(place)
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise SecretError(f"{path}: {error.strerror}") from error
    try:
        text = content.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise SecretError(f"{path}: not text") from error
    if not text or len(content) > MOST_BYTES or not text.isprintable():
        raise SecretError(f"{path}: accepted is one line of text, at most {MOST_BYTES:,} bytes")
    return text


def secret_path(place: str) -> Path:
    """Return where a secret lies, once it is sure that nobody else can read it there. Raises SecretError."""
    path = _path_of(place)
    try:
        status = path.stat()
    except OSError as error:
        raise SecretError(f"{path}: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise SecretError(f"{path}: not a regular file")
    if not place.startswith(_PREFIX) and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SecretError(f"{path}: others can read it; make it the agent's alone: chmod 600 {path}")
    return path


def _path_of(place: str) -> Path:
    if not place.startswith(_PREFIX):
        return Path(place)
    folder, name = os.environ.get("CREDENTIALS_DIRECTORY"), place.removeprefix(_PREFIX)
    if not folder:
        raise SecretError(
            f"{place}: systemd hands no credentials over here; add LoadCredential={name}:PATH to the unit"
        )
    if not name or "/" in name or name in {".", ".."}:
        raise SecretError(f"{place}: accepted is credential:NAME, as LoadCredential= of the unit names it")
    return Path(folder) / name
