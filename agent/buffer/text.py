"""Text that others wrote, in a form that can be stored: a lone surrogate has no UTF-8 form, and databases refuse it."""

from __future__ import annotations

import json

import msgspec


def storable(text: str) -> str:
    r"""Replace what has no UTF-8 form.

    >>> storable("a\ud800b")
    'a?b'
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def encode(record: object) -> str:
    """Give a record as JSON, whatever its texts hold."""
    try:
        return msgspec.json.encode(record).decode()
    except UnicodeEncodeError:
        return storable(json.dumps(msgspec.to_builtins(record), ensure_ascii=False))
