"""Names of ring files, and removal of those that dead processes left where no agent ever came to drain them."""

from __future__ import annotations

import os
import re

from driftline import wire
from driftline.identity import Process, has_ended, this_process

STALE_ALLOWED = 16
LOOKED_AT = 256
STEM_LIMIT = 64


def stem_of(model: str) -> str:
    """Return the part of a file name that stands for a model.

    >>> stem_of("../meter reader/7")
    'meter-reader-7'
    """
    return re.sub(r"[^A-Za-z0-9_]+", "-", model).strip("-")[:STEM_LIMIT] or "model"


def remove_stale(directory: int, stem: str, suffix: str = wire.SUFFIX) -> int:
    """Remove the rings of this model, this user and processes that have ended, where there are more than 16 of them."""
    pattern = re.compile(re.escape(stem) + r"-\d+-\d+" + re.escape(suffix))
    names = [name for name in os.listdir(directory) if pattern.fullmatch(name)]
    if len(names) <= STALE_ALLOWED:
        return 0
    here = this_process()
    stale = [name for name in names[:LOOKED_AT] if _is_stale(directory, name, here)]
    if len(stale) <= STALE_ALLOWED:
        return 0
    removed = 0
    for name in stale:
        try:
            os.unlink(name, dir_fd=directory)
            removed += 1
        except OSError:  # noqa: PERF203  # an agent or another process was quicker
            continue
    return removed


def _is_stale(directory: int, name: str, here: Process) -> bool:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=directory)
    except OSError:
        return False
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            return False
        header = os.pread(descriptor, wire.FIXED.size, 0)
    finally:
        os.close(descriptor)
    if len(header) < wire.FIXED.size:
        return False
    fields = dict(zip(wire.FIXED_FIELDS, wire.FIXED.unpack(header)))
    if fields["magic"] != wire.MAGIC:
        return False
    writer = Process(fields["pid"], fields["start_ticks"], fields["pid_namespace"], fields["boot_id"])
    return has_ended(writer, here)
