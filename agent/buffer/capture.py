"""What can be set about which rows are kept. Sizes are MiB, times seconds; docs/buffer.md says what each costs."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Capture = Literal["flight-recorder", "sampled", "all"]


class CaptureConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[buffer.recorder]`: what the modes `flight-recorder` and `sampled` keep.

    sample_every: of so many inferences one is kept, always. A million inferences of 20 signals then write 2 MB of rows.
    failed_a_minute: inferences that failed, kept besides, of each stream.
    before_seconds, after_seconds: a finding has all rows of its stream written from so long before it opened until so
        long after. Five minutes show how it came; each finding costs 4 MB of flash at 100 inferences a second.
    memory_mib: the last rows of all streams, whole, in the agent's memory, and as much again in the run directory
        (which is memory, too): what a finding can look back on, and what survives a kill. 8 MiB are ten minutes at 100
        inferences a second of 20 signals.
    daily_mib: what all findings of a day may have written, within what `write_mib_per_day` leaves; beyond it a tenth
        of their rows is, then less. 64 are nine findings at 100 inferences a second.
    learning_rows: rows of a stream that are kept whole while its reference is learned, so that a power cut costs no
        learning: 3 MB, once for each model, however far rows are thinned.
    quiet_seconds: how long anything but kept rows may wait for a commit: summaries, readings, what was read of a ring.
    """

    sample_every: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 100
    failed_a_minute: Annotated[int, msgspec.Meta(ge=0)] = 30
    before_seconds: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 300.0
    after_seconds: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 120.0
    memory_mib: Annotated[float, msgspec.Meta(ge=0, le=1_024)] = 8.0
    daily_mib: Annotated[float, msgspec.Meta(ge=0)] = 64.0
    learning_rows: Annotated[int, msgspec.Meta(ge=0)] = 20_000
    quiet_seconds: Annotated[float, msgspec.Meta(ge=1, le=3_600)] = 60.0


SPENT = "daily_mib is spent, or what write_mib_per_day leaves"


def unwritten_words(rows: int) -> str:
    """Say that rows around findings were left to the samples; nothing where none were."""
    return f"{rows} inferences around findings were only sampled: {SPENT}" if rows else ""
