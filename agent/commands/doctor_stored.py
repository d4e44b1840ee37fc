"""What `driftline doctor` says of the files of an agent that is not running; it changes nothing in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.commands.doctor_buffer import Check, set_aside_check

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def stored_checks(directory: Path) -> Iterator[Check]:
    """Check that the next start will find its files, or say what it will repair by itself."""
    from agent.buffer import (  # noqa: PLC0415  # loads duckdb and numpy
        BufferBusyError,
        BufferMissingError,
        SchemaTooNewError,
        open_readonly,
    )
    from agent.buffer.quarantine import quarantine_bytes  # noqa: PLC0415

    try:
        reader = open_readonly(directory)
    except (BufferMissingError, BufferBusyError):
        return  # nothing there yet, or its agent is only away for us
    except SchemaTooNewError as error:
        yield Check("fail", str(error), "the agent does not start with it; it exits with 78")
        return
    except OSError as error:
        yield Check("note", f"buffer in {directory} cannot be read: {error.strerror or error}")
        return
    try:
        count, outdated = len(reader.segments), sum(segment.outdated for segment in reader.segments)
        rows = sum(segment.rows for segment in reader.segments)
        older = f" ({outdated} of an older version, read as they are)" if outdated else ""
        segments = f"{count} segment{'' if count == 1 else 's'}{older}"
        found = len(reader.findings())
        yield Check(
            "ok", f"buffer in {directory}: {segments}, {rows} rows, {found} open finding{'' if found == 1 else 's'}"
        )
        for note in reader.notes:
            yield Check("note", note, "nothing to do: the next start of the agent repairs it and says what was lost")
    finally:
        reader.close()
    yield from set_aside_check(directory, quarantine_bytes(directory))
