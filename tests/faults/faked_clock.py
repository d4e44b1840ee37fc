"""A wall clock that a test sets while a real process goes by it (libfaketime); its monotonic clocks stay real."""

from __future__ import annotations

import time
from pathlib import Path

from tests.absent import absent

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


class FakedClock:
    """Set it with `show` or `shift`; processes with `environment` go by it, from their next look on."""

    def __init__(self, folder: Path) -> None:
        if LIBRARY is None:
            absent("libfaketime is not installed (Debian: apt install faketime)")
        self._file = folder / "faketime"
        self.shift(0.0)
        self.environment = {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def show(self, seconds: float) -> None:
        """Set it to so many seconds after 1970."""
        self.shift(seconds - time.time())

    def shift(self, seconds: float) -> None:
        """Set it to the real time and so much."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+.3f}\n")
        fresh.replace(self._file)  # nobody reads half of it
