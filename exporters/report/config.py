"""`[report]`: the nightly cross-check, and what a report's process may take."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


class ReportConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of `driftline report`.

    nightly: local time of day ("03:30") at which the agent has the last day judged by Evidently too; empty is never.
        Off by default: it takes about half a minute of one core, 350 MB for that long and 4 MB of flash a stream.
    keep: how many nightly reports of a stream stay: a week shows since when the two disagree.
    keep_mib: what all of them may take together; the oldest go first.
    time_limit_seconds: after which a report's process is ended. Ten times what a Raspberry Pi 4 needs for 20 signals.
    memory_limit_mib: what it may take. Evidently takes 320 MB with 20 signals; it must not push out the service.
    """

    nightly: str = ""
    keep: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 7
    keep_mib: Annotated[float, msgspec.Meta(ge=8)] = 128.0
    time_limit_seconds: Annotated[float, msgspec.Meta(ge=10)] = 900.0
    memory_limit_mib: Annotated[int, msgspec.Meta(ge=400)] = 768

    def __post_init__(self) -> None:
        if self.nightly and not _TIME.fullmatch(self.nightly):
            raise ValueError(f'report.nightly = {self.nightly!r}: accepted is a time of day such as "03:30", or ""')
