"""The folder of nightly reports: bounded in number and in size, and cleared of what a killed process left."""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SCRATCH_PREFIX = ".driftline-report-"
MIB = 1 << 20
_NAME = re.compile(r"(driftline-.+)-(\d{8}T\d{6}Z)\.(?:html|json)")


def tidy(folder: Path, keep: int, keep_mib: float) -> None:
    """Remove the oldest reports beyond `keep` of a stream, then beyond `keep_mib` in all; the newest always stays.

    Only files that are named as a report is are touched, and scratch folders of reports that were broken off.
    """
    for scratch in folder.glob(f"{SCRATCH_PREFIX}*"):
        shutil.rmtree(scratch, ignore_errors=True)
    reports: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in folder.iterdir():
        if match := _NAME.fullmatch(path.name):
            reports[match[2], match[1]].append(path)
    newest_first = sorted(reports, reverse=True)
    seen: dict[str, int] = defaultdict(int)
    size = 0
    for number, report in enumerate(newest_first):
        seen[report[1]] += 1
        size += sum(path.stat().st_size for path in reports[report])
        if number and (seen[report[1]] > keep or size > keep_mib * MIB):
            for path in reports[report]:
                path.unlink(missing_ok=True)
