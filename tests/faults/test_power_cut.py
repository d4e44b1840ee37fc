"""Power cuts in the middle of everything that the buffer does, from a journal of what it did to its disk."""

from __future__ import annotations

import functools
import random
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import pytest

from tests.agent.buffer.blocks import ask, make_block, opened
from tests.faults.counts import scaled, spread
from tests.faults.disk_model import Disk
from tests.faults.journal_writer import MANNERS, NAMES
from tests.faults.journals import record, start

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.faults.disk_model import Names
    from tests.faults.shim import Operation

ROWS, CONFIG, _ = MANNERS["few"]
PARTIAL = f"SELECT count(*) FROM (FROM inferences SELECT n::BIGINT // {ROWS} AS b GROUP BY b HAVING count(*) <> {ROWS})"

ROUNDS = 24

pytestmark = pytest.mark.faults


class Cut(NamedTuple):
    """A moment, as a number of operations, and how much of what was not synced is left."""

    operations: int
    left: Literal["nothing", "some", "everything"]
    seed: int


def _cuts(operations: Sequence[Operation], count: int) -> list[Cut]:
    """Moments to cut at: after every sync and every change of a name, and between them."""
    seeded = random.Random(11)
    marks = [at + 1 for at, operation in enumerate(operations) if operation.kind in "SECRU"]
    cuts = [Cut(at, "nothing", at) for at in marks] + [Cut(at, "everything", at) for at in marks]
    cuts = seeded.sample(cuts, min(len(cuts), count // 2))
    while len(cuts) < count:
        cuts.append(Cut(seeded.randint(1, len(operations)), "some", seeded.randrange(1 << 30)))
    return sorted(cuts)


def _disks(
    root: Path, operations: Sequence[Operation], names: Names, cuts: Sequence[Cut], into: Path
) -> Iterator[tuple[Cut, tuple[int, ...]]]:
    """Yield, for each cut, what was promised by then; what is left of the disk is below `into`."""
    disk = Disk(root, names=names)
    done = 0
    for cut in sorted(cuts):
        for operation in operations[done : cut.operations]:
            disk.do(operation)
        done = cut.operations
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir()
        disk.cut(into, random.Random(cut.seed) if cut.left == "some" else None, everything=cut.left == "everything")
        yield cut, disk.promised(root / "acks")


def _check(
    cuts: Sequence[Cut], *, root: Path, operations: Sequence[Operation], names: Names, rows: int = ROWS
) -> list[str]:
    """Start on what each cut leaves, and return what is wrong."""
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for cut, promised in _disks(root, operations, names, cuts, Path(folder) / "left"):
            found = start(Path(folder) / "left" / "state", CONFIG, rows, days=ROUNDS // 4)
            if isinstance(found, str) or any(here < there for here, there in zip(found, promised, strict=True)):
                wrong.append(f"{names} {cut}: promised {promised} (batches, findings, place), found {found}")
    return wrong


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Operation]]:
    """What a buffer does on a sound disk."""
    return record(tmp_path_factory.mktemp("recorded"), ROUNDS)


@pytest.mark.parametrize("names", ["posix", "ordered"])
def test_what_was_promised_outlives_a_power_cut_at_any_moment(
    recorded: tuple[Path, list[Operation]], names: Names
) -> None:
    """Cut after every sync and in between: a run of whole batches with all that was promised; it starts, and stores."""
    root, operations = recorded
    kinds = {operation.kind for operation in operations}
    assert kinds >= set("CWSUM")  # checkpoints and new segments are among it
    folded = [operation.name for operation in operations if operation.kind == "U" and operation.name.endswith(".wal")]
    assert any(name.endswith("core.duckdb.wal") for name in folded)
    check = functools.partial(_check, root=root, operations=operations, names=names)
    assert [line for part in spread(check, _cuts(operations, scaled(6, 0.5))) for line in part] == []


def test_a_log_has_its_name_before_it_is_folded_in(recorded: tuple[Path, list[Operation]]) -> None:
    """By its log a checkpoint that was cut off is mended, on a file system too that keeps names only if asked to."""
    assert _written_by_named_logs(recorded[1]) > ROUNDS


def test_a_log_has_its_name_too_where_a_batch_is_longer_than_logs_may_be(tmp_path: Path) -> None:
    """As above: DuckDB folds none in within its first commit, after which it is named."""
    assert _written_by_named_logs(record(tmp_path, 10, manner="folding")[1]) > 10


def _written_by_named_logs(operations: Sequence[Operation]) -> int:
    """Return how often database files were written to, each time with no log or one whose name was synced."""
    folders: dict[int, str] = {}
    files: dict[int, str] = {}
    unsynced: set[str] = set()
    written = 0
    for operation in operations:
        match operation.kind:
            case "M":
                folders[operation.inode] = operation.name
            case "C":
                files[operation.inode] = operation.name
                unsynced.add(operation.name)
            case "R":
                before, after = operation.name.split("\n")
                files = {inode: after if name == before else name for inode, name in files.items()}
            case "S" if operation.inode in folders:
                unsynced = {name for name in unsynced if str(Path(name).parent) != folders[operation.inode]}
            case "W" if (name := files.get(operation.inode, "")).endswith(".duckdb"):
                written += 1
                assert f"{name}.wal" not in unsynced
            case "U":
                unsynced.discard(operation.name)
    return written


def test_rows_that_wait_for_their_table_outlive_a_power_cut(tmp_path: Path) -> None:
    """In crates, on their way into the file and in it: as above."""
    root, operations = record(tmp_path, 10, manner="crates")
    rows = MANNERS["crates"].rows
    check = functools.partial(_check, root=root, operations=operations, names="posix", rows=rows)
    assert [line for part in spread(check, _cuts(operations, scaled(4, 0.2))) for line in part] == []


def test_a_failed_sync_is_never_taken_for_a_promise(tmp_path: Path) -> None:
    """One sync in eight fails, and what it should have written is lost however many succeed later: as above."""
    root, operations = record(tmp_path, 8, sync_every=8)
    assert sum(operation.kind == "E" for operation in operations) > 5
    check = functools.partial(_check, root=root, operations=operations, names="posix")
    assert [line for part in spread(check, _cuts(operations, scaled(6, 0.3))) for line in part] == []


def test_a_disk_that_lies_about_syncs_costs_rows_and_never_the_start(recorded: tuple[Path, list[Operation]]) -> None:
    """Whatever such a disk leaves after a power cut, the buffer starts, stores, and has whole batches, each once."""
    root, operations = recorded
    unsynced = [operation for operation in operations if operation.kind != "S"]
    check = functools.partial(_check_liar, root=root, operations=unsynced)
    cuts = [cut for cut in _cuts(unsynced, scaled(6, 0.3)) if cut.left != "nothing"]
    assert [line for part in spread(check, cuts) for line in part] == []


def _check_liar(cuts: Sequence[Cut], *, root: Path, operations: Sequence[Operation]) -> list[str]:
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for cut, _ in _disks(root, operations, "ordered", cuts, Path(folder) / "left"):
            with opened(Path(folder) / "left" / "state", CONFIG) as buffer:
                buffer.append([make_block(ROWS, first=90_000, names=NAMES)], [])
                buffer.commit()
                for _ in range(12):  # damage within a file shows when it is read; a segment a commit is looked at
                    buffer.suspect()
                    buffer.commit()
                count, distinct = ask(buffer, "SELECT count(*), count(DISTINCT n) FROM inferences")[0]
                partial = ask(buffer, PARTIAL)
                if buffer.status().mode != "disk" or count != distinct or partial != [[0]]:
                    wrong.append(f"{cut}: {buffer.status()}, {count} rows, {distinct} distinct, {partial} partial")
    return wrong
