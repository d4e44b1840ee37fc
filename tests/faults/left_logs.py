"""Files with their logs as a crash leaves them: segments, new, folded or with rows that land, and the core."""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING

from agent.buffer import BufferConfig
from agent.buffer.ledger import Ledger
from agent.buffer.repair import guarded, read_all
from agent.buffer.row_schema import GROUP_ROWS
from agent.buffer.schema import CORE
from agent.buffer.segment import Segment
from agent.clock import Stamp
from agent.truth import LabelRecord
from tests.agent.buffer.blocks import DAY_NS, make_block, make_finding, make_reading, opened
from tests.faults.damaged_logs import Log

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from agent.buffer import Buffer
    from agent.buffer.engine import Engine
    from agent.buffer.repair import Repairer
    from tests.faults.damaged_logs import Opens

SIZES = (10,) * 99  # rows of each batch, few enough to go to their table as they come
CRATED_ROWS = 120
DAILY = BufferConfig(daily_segment_mib=0, capture="all")
STATE = ("camera", "reference")


def new_segments(root: Path, batches: int) -> tuple[Log, bytes]:
    """A segment with its tables and everything else in its log, and the log of the one before."""
    logs = []
    with opened(root / "running", DAILY) as buffer:
        for day in range(2):
            ends = [_write_batch(buffer, root, day, number) for number in range(batches)]
            logs.append(_leave(root, day, ends, partial(_open_segment, after=day * batches, before=0)))
    return logs[1], logs[0].data


def folded_segments(root: Path, batches: int) -> tuple[Log, bytes]:
    """A segment that was folded once, with the batches since in its log, and the like log of the one before."""
    logs = []
    for day in range(2):
        with opened(root / "running", DAILY) as buffer:
            _write_batch(buffer, root, day, 0)
        with opened(root / "running", DAILY) as buffer:
            ends = [_write_batch(buffer, root, day, number) for number in range(1, batches + 1)]
            logs.append(_leave(root, day, ends, partial(_open_segment, after=day * (batches + 1), before=1)))
    return logs[1], logs[0].data


def crated_segments(root: Path, batches: int) -> tuple[Log, bytes]:
    """A segment whose rows wait, and land with each batch but the first, and the log of the one before."""
    logs = []
    sizes = [CRATED_ROWS, *[GROUP_ROWS] * (batches - 1)]
    with opened(root / "running", DAILY) as buffer:
        for day in range(2):
            ends = [_write_batch(buffer, root, day, number, sizes) for number in range(batches)]
            opens = partial(_open_segment, after=day * batches, before=0, sizes=sizes)
            logs.append(_leave(root, day, ends, opens))
    return logs[1], logs[0].data


def cores(root: Path, findings: int) -> tuple[Log, bytes]:
    """A core with states of findings and of detectors in its log, in turn, and its log before it was folded."""
    logs = []
    for part in range(2):
        with opened(root / "running") as buffer:
            before = part * findings
            ends: list[int] = []
            for number in range(before, before + findings):
                buffer.save_finding(make_finding(note=str(number)))
                ends.append(_newest_log(root, "core*").stat().st_size)
                buffer.put_state(*STATE, f"{number}".encode())
                ends.append(_newest_log(root, "core*").stat().st_size)
            logs.append(_leave(root, part, ends, partial(_open_core, before=before), "core*"))
    return logs[1], logs[0].data


def _write_batch(buffer: Buffer, root: Path, day: int, number: int, sizes: Sequence[int] = SIZES) -> int:
    time_ns = (20_000 + day) * DAY_NS
    block = make_block(sizes[number], first=sum(sizes[:number]), time_ns=time_ns)
    buffer.append([block], [make_reading(time_ns=time_ns)])
    told = LabelRecord(number=number + 1, id=number + 1, told_ns=time_ns, value=number)
    buffer.labels.append_labels([told], "labels", number + 1)
    buffer.commit()
    return _newest_log(root).stat().st_size


def _newest_log(root: Path, name: str = "0*") -> Path:
    return max((root / "running").rglob(f"{name}.wal"))


def _leave(root: Path, part: int, ends: list[int], opens: Opens, name: str = "0*") -> Log:
    wal = _newest_log(root, name)
    (root / f"left{part}").mkdir(parents=True)
    for path in (wal.with_suffix(""), wal):
        shutil.copy(path, root / f"left{part}")
    return Log(root / f"left{part}" / wal.stem, wal.read_bytes(), tuple(ends), opens)


def _open_segment(
    engine: Engine, path: Path, repairer: Repairer, *, after: int, before: int, sizes: Sequence[int] = SIZES
) -> int | str:
    """Count the batches beyond those `before` its log: each is there once, with its rows, its reading, its label."""
    segment = Segment(2, "20261118", path)
    if not guarded(engine, path, repairer, segment.alias, partial(segment.load, engine), after):
        return "refused"
    segment.show(engine.insert)
    columns = {"batches": "id", "readings": "value", "labels": "number"}
    sources = {table: (column, f"{segment.alias}.{table}") for table, column in columns.items()}
    sources |= {f"rows_{number}": ("brightness", f"({segment.source.rows(number)})") for number in segment.schemas}
    lists = [f"(SELECT list({column} ORDER BY {column}) FROM {source})" for column, source in sources.values()]
    found = dict(zip(sources, engine.run(f"SELECT {', '.join(lists)}")[0], strict=True))
    segment.end(engine)
    engine.run(f"DETACH {segment.alias}")
    count = len(found["batches"] or ())
    expected = {
        "batches": [after + number for number in range(1, count + 1)],
        "readings": [41.5] * count,
        "labels": [*range(1, count + 1)],
        "rows_1": [*range(sum(sizes[:count]))],
    }
    expected = {table: values for table, values in expected.items() if count or table in found}
    found = {table: values or [] for table, values in found.items()}
    return count - before if found == expected else f"found {found}"


def _open_core(engine: Engine, path: Path, repairer: Repairer, *, before: int) -> int | str:
    """Count the transactions beyond `before` findings and states: a run of them from the first, each once."""
    ledger = Ledger(path, lambda: Stamp("boot", 0, 0, 0, 0))

    def load() -> None:
        ledger.load(engine)
        read_all(engine, CORE)

    if not guarded(engine, path, repairer, CORE, load):
        return "refused"
    notes = [int(note) for (note,) in engine.run(f"SELECT note FROM {CORE}.finding_history ORDER BY seq")]
    kept = engine.run(f"SELECT payload::VARCHAR FROM {CORE}.states WHERE stream_key = ? AND part = ?", STATE)
    engine.run(f"DETACH {CORE}")
    states = [int(state) + 1 for (state,) in kept]  # so many were put, each in place of the one before
    count = sum(states)
    if notes == [*range(len(notes))] and len(states) <= 1 and len(notes) - count in {0, 1}:
        return len(notes) + count - 2 * before
    return f"found findings {notes}, states {states}"
