"""Kill -9, damaged files, full and read-only disks, commits that lie: the buffer starts and keeps what it promised."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from agent.buffer import BufferConfig, SchemaTooNewError, open_readonly
from agent.buffer.engine import Engine
from agent.buffer.query import run_query
from agent.buffer.wal import checksum
from tests.agent.buffer.blocks import ask, make_block, make_finding, make_reading, opened
from tests.faults.buffer_writer import CONFIG, ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITER = Path(__file__).with_name("buffer_writer.py")
ROUNDS = 20
SUMMARY = "count(*), count(DISTINCT brightness), min(brightness), max(brightness)"


def test_kill_minus_nine_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """Whatever moment the process is killed at, every promised batch is there once, whole, and the next start works."""
    seeded = random.Random(20)
    batch = 0
    for _ in range(ROUNDS):
        promised = _write_until_killed(tmp_path, batch, seeded.randint(1, 40))
        with opened(tmp_path, CONFIG) as buffer:
            count, distinct, last = ask(buffer, "SELECT count(*), count(DISTINCT s0), max(s0) FROM inferences")[0]
            assert isinstance(last, float)
            assert (count, distinct) == (last + 1, last + 1)
            assert buffer.positions() == {"a.ring": count}
            assert buffer.repairs == ()
        batch, rest = divmod(int(last) + 1, ROWS)
        assert rest == 0
        assert promised < batch <= promised + 2


def _write_until_killed(directory: Path, first: int, batches: int) -> int:
    root = Path(__file__).parents[2]
    command = [sys.executable, str(WRITER), str(directory), str(first)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}
    ) as child:
        assert child.stdout is not None
        promised = [int(child.stdout.readline()) for _ in range(batches)]
        child.kill()
        promised += [int(line) for line in child.stdout.read().split()]
    return promised[-1]


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory as a crash leaves it: thirty batches of ten rows, all of them in the log."""
    directory = tmp_path_factory.mktemp("crashed")
    with opened(directory / "running") as buffer:
        buffer.save_finding(make_finding())
        for number in range(30):
            buffer.append([make_block(10, first=10 * number)], [make_reading()])
            buffer.commit()
        shutil.copytree(directory / "running", directory / "left")
    return directory / "left"


@contextmanager
def damaged(crashed: Path, tmp_path: Path, name: str, data: bytes) -> Iterator[Path]:
    """A copy of the crashed directory in which one file has other bytes."""
    copy = tmp_path / "copy"
    shutil.copytree(crashed, copy)
    next(copy.rglob(name)).write_bytes(data)
    yield copy
    shutil.rmtree(copy)


def mutations(data: bytes, count: int) -> Iterator[bytes]:
    """Logs as a power cut leaves them: cut, with a tail of zeros or rubbish, with bytes changed."""
    seeded = random.Random(4)
    for number in range(count):
        at = seeded.randrange(len(data))
        match number % 5:
            case 0:
                yield data[:at]
            case 1:
                yield data[:at] + bytes(len(data) - at)
            case 2:
                yield data[:at] + seeded.randbytes(len(data) - at)
            case 3:
                yield data[:at] + bytes([data[at] ^ 1 << seeded.randrange(8)]) + data[at + 1 :]
            case _:
                yield data[: at // 4096 * 4096] + bytes(4096) + data[at // 4096 * 4096 + 4096 :]


def test_a_damaged_log_is_cut_at_its_last_sound_entry(crashed: Path, tmp_path: Path) -> None:
    """Two hundred damaged logs: each start works, keeps a run of whole batches from the first, and takes new rows."""
    wal = next(crashed.rglob("0*.wal"))
    data = wal.read_bytes()
    for changed in mutations(data, 200):
        with damaged(crashed, tmp_path, wal.name, changed) as directory:
            with opened(directory) as buffer:
                rows = buffer.status().rows
                if rows:
                    expected = [[rows, rows, 0.0, rows - 1.0]]
                    assert ask(buffer, f"SELECT {SUMMARY} FROM inferences") == expected
                assert rows % 10 == 0
                assert buffer.positions() == ({"a.ring": rows} if rows else {})
                assert buffer.findings() == [make_finding()]
                buffer.append([make_block(10, first=1_000)], [])
                buffer.commit()
            with opened(directory) as buffer:
                expected = [[rows + 10, rows + 10, 0.0 if rows else 1_000.0, 1_009.0]]
                assert ask(buffer, f"SELECT {SUMMARY} FROM inferences") == expected


def test_what_damage_took_is_said_and_kept(crashed: Path, tmp_path: Path) -> None:
    """Damage that a mere crash does not explain is told with position and sizes, and a copy is kept."""
    wal = next(crashed.rglob("0*.wal"))
    data = wal.read_bytes()
    half = len(data) // 2
    with damaged(crashed, tmp_path, wal.name, data[:half] + bytes(half)) as directory:
        with opened(directory) as buffer:
            (note,) = buffer.repairs
            assert note.startswith(f"{wal.name} was damaged after byte ")
            assert f"quarantine/{wal.name}.1" in note
            buffer.commit()
            buffer.commit()
            assert ask(buffer, "SELECT kind, detail FROM events") == [["repair", note]]
        assert (directory / "quarantine" / f"{wal.name}.1").read_bytes() == data[:half] + bytes(half)


def test_a_log_that_lost_its_beginning_is_not_ignored(crashed: Path, tmp_path: Path) -> None:
    """DuckDB opens beside such a log as if it were empty; here it is said, and kept."""
    wal = next(crashed.rglob("0*.wal"))
    data = bytes(4_096) + wal.read_bytes()[4_096:]
    with damaged(crashed, tmp_path, wal.name, data) as directory, opened(directory) as buffer:
        assert ["was damaged after byte 0" in note for note in buffer.repairs] == [True]
        assert (directory / "quarantine" / f"{wal.name}.1").read_bytes() == data


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory as an orderly end leaves it: two segments with everything in the files."""
    directory = tmp_path_factory.mktemp("settled")
    config = BufferConfig(daily_segment_mib=0)
    with opened(directory, config) as buffer:
        buffer.save_finding(make_finding())
        for day in range(2):
            buffer.append([make_block(30_000, first=day * 30_000, time_ns=(20_000 + day) * 86_400 * 10**9)], [])
            buffer.commit()
    return directory


@pytest.mark.parametrize("damage", ["cut to nothing", "cut in the header", "cut in half", "zeros", "rubbish", "header"])
@pytest.mark.parametrize("name", ["000001-20241004.duckdb", "000002-20241005.duckdb", "core.duckdb"])
def test_a_file_that_cannot_be_opened_is_set_aside(settled: Path, tmp_path: Path, name: str, damage: str) -> None:
    """The others are read, the damaged one is kept under quarantine, and rows are taken."""
    data = next(settled.rglob(name)).read_bytes()
    bad = {
        "cut to nothing": b"",
        "cut in the header": data[:5_000],
        "cut in half": data[: len(data) // 2],
        "zeros": bytes(len(data)),
        "rubbish": random.Random(1).randbytes(len(data)),
        "header": data[:9] + bytes([data[9] ^ 4]) + data[10:],
    }[damage]
    with damaged(settled, tmp_path, name, bad) as directory, opened(directory) as buffer:
        for _ in range(4):  # a query may be the first to meet the damage; it is then looked for, a segment a commit
            buffer.append([make_block(5, first=90_000)], [])
            buffer.commit()
            rows = _count_or_none(buffer)
        assert rows == (60_020 if name == "core.duckdb" else 30_020)
        assert len(buffer.repairs) == 1
        assert name in buffer.repairs[0]
        if bad:
            assert (directory / "quarantine" / f"{name}.1").read_bytes() == bad
        assert buffer.findings() == ([] if name == "core.duckdb" else [make_finding()])
        buffer.save_finding(make_finding("f-2"))
        assert make_finding("f-2") in buffer.findings()


def _count_or_none(buffer: object) -> object:
    try:
        return run_query(buffer, "SELECT count(*), sum(brightness), sum(contrast) FROM inferences", 1, 10.0).rows[0][0]  # type: ignore[arg-type]
    except ValueError:
        return None


def test_bit_flips_in_segments_never_stop_it(settled: Path, tmp_path: Path) -> None:
    """A hundred segments with one bit wrong: it starts, takes rows, and answers after at most a few commits."""
    seeded = random.Random(8)
    name = "000001-20241004.duckdb"
    data = next(settled.rglob(name)).read_bytes()
    aside = 0
    for _ in range(100):
        at = seeded.randrange(len(data))
        with (
            damaged(settled, tmp_path, name, data[:at] + bytes([data[at] ^ 64]) + data[at + 1 :]) as directory,
            opened(directory) as buffer,
        ):
            buffer.append([make_block(5, first=90_000)], [])
            buffer.commit()
            for _ in range(4):
                count = _count_or_none(buffer)
                buffer.commit()
            assert count in {30_005, 60_005}
            aside += count == 30_005
            assert [name in note for note in buffer.repairs] == [True] * (count == 30_005)
    assert aside > 10


def test_what_a_crash_leaves_lying_is_tidied(settled: Path, tmp_path: Path) -> None:
    """Temporary directories and files that were never written go, a log without its file is set aside."""
    directory = tmp_path / "copy"
    shutil.copytree(settled, directory)
    (directory / "core.duckdb.tmp").mkdir()
    (directory / "segments" / "000003-20241006.duckdb").touch()
    (directory / "segments" / "000004-20241006.duckdb.wal").write_bytes(b"orphan")
    with opened(directory) as buffer:
        assert len(buffer.repairs) == 3
        assert ask(buffer, "SELECT count(*) FROM inferences") == [[60_000]]
    assert (directory / "quarantine" / "000004-20241006.duckdb.wal.1").read_bytes() == b"orphan"
    with opened(directory) as buffer:
        assert buffer.repairs == ()


@pytest.mark.parametrize("name", ["core.duckdb", "000001-20241004.duckdb"])
def test_a_newer_schema_is_refused(settled: Path, tmp_path: Path, name: str) -> None:
    """A file of a later version is named, not opened, and not touched; by a reader as well."""
    directory = tmp_path / "copy"
    shutil.copytree(settled, directory)
    path = next(directory.rglob(name))
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE meta SET value = '2' WHERE key = 'schema_version'")
    before = path.read_bytes()
    with (
        pytest.raises(SchemaTooNewError, match=rf"{path} was .* newer version \(format 2; .* up to 1\)"),
        opened(directory),
    ):
        pass
    with pytest.raises(SchemaTooNewError, match=name):
        open_readonly(directory)
    assert path.read_bytes() == before


def test_a_newer_duckdb_format_is_refused(settled: Path, tmp_path: Path) -> None:
    """A file in a storage format that this DuckDB does not know is refused, not taken for damage."""
    data = bytearray((settled / "core.duckdb").read_bytes())
    data[12:20] = (9_999).to_bytes(8, "little")
    data[0:8] = checksum(bytes(data[8:4096])).to_bytes(8, "little")
    with (
        damaged(settled, tmp_path, "core.duckdb", bytes(data)) as directory,
        pytest.raises(SchemaTooNewError, match=r"core\.duckdb was written by a newer version"),
        opened(directory),
    ):
        pass
    assert not list(tmp_path.rglob("quarantine"))


class LyingEngine(Engine):
    """Commits, then says that it did not: what DuckDB does on a full disk."""

    lies = 0

    def run(self, sql: str, parameters: object = ()) -> list[tuple[object, ...]]:
        """Run, and lie about every third commit."""
        result = super().run(sql, parameters)  # type: ignore[arg-type]
        if sql == "COMMIT":
            LyingEngine.lies += 1
            if LyingEngine.lies % 3 == 0:
                raise duckdb.TransactionException("Failed to commit: Could not write file: No space left on device")
        return result


class FailingEngine(Engine):
    """Says that it did not commit, and did not."""

    commits = 0

    def run(self, sql: str, parameters: object = ()) -> list[tuple[object, ...]]:
        """Fail every third commit."""
        if sql == "COMMIT":
            FailingEngine.commits += 1
            if FailingEngine.commits % 3 == 0:
                super().run("ROLLBACK")
                raise duckdb.TransactionException("Failed to commit: Could not write file: No space left on device")
        return super().run(sql, parameters)  # type: ignore[arg-type]


@pytest.mark.parametrize("engine", [LyingEngine, FailingEngine])
def test_a_commit_that_raises_is_neither_lost_nor_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: type[Engine]
) -> None:
    """Whether it took hold or not, each batch and each finding is there once."""
    monkeypatch.setattr("agent.buffer.files.Engine", engine)
    with opened(tmp_path) as buffer:
        for number in range(20):
            buffer.append([make_block(10, first=10 * number)], [make_reading(number)])
            buffer.save_finding(make_finding(f"f-{number}"))
            buffer.put_state("key", "part", bytes([number]))
            buffer.commit()
        assert buffer.status().discarded_rows == 0
    monkeypatch.undo()
    with opened(tmp_path) as buffer:
        assert ask(buffer, "SELECT count(*), count(DISTINCT brightness) FROM inferences") == [[200, 200]]
        assert ask(buffer, "SELECT count(*), count(DISTINCT value) FROM readings") == [[20, 20]]
        assert ask(buffer, "SELECT count(*), count(DISTINCT id) FROM finding_history") == [[20, 20]]
        assert buffer.positions() == {"a.ring": 200}
        assert buffer.get_state("key", "part") == bytes([19])


@contextmanager
def mounted(where: Path, *options: str) -> Iterator[Path]:
    """A file system of its own; skips where none may be mounted."""
    where.mkdir()
    done = subprocess.run(["mount", *options, str(where)], capture_output=True, check=False, text=True)
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")
    try:
        yield where
    finally:
        subprocess.run(["umount", str(where)], check=True)


def test_a_full_disk_is_outlived(tmp_path: Path) -> None:
    """While it is full nothing raises and the oldest rows are discarded and counted; then everything goes on."""
    config = BufferConfig(pending_mib=0.5, limit_mib=512, segment_mib=64)
    names = [f"s{at}" for at in range(20)]
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=8m", "tmpfs") as disk:
        hog = disk / "hog"
        with opened(disk / "state", config) as buffer:
            buffer.append([make_block(1_000, names=names)], [])
            buffer.commit()
            hog.write_bytes(bytes(4 << 20))
            first = 1_000
            while buffer.status().discarded_rows < 20_000:
                buffer.append([make_block(1_000, first=first, names=names)], [make_reading()])
                buffer.commit()
                first += 1_000
                assert first < 400_000
            buffer.save_finding(make_finding())
            assert buffer.findings() == [make_finding()]
            assert any("No space left" in note for note in buffer.status().notes)
            hog.unlink()
            buffer.commit()
            buffer.append([make_block(1_000, first=first, names=names)], [])
            buffer.commit()
            first += 1_000
            discarded = buffer.status().discarded_rows
            expected = [[first - discarded, first - discarded, float(first - 1)]]
            assert ask(buffer, "SELECT count(*), count(DISTINCT s0), max(s0) FROM inferences") == expected
            assert not any("No space left" in note for note in buffer.status().notes)
        with opened(disk / "state", config) as buffer:
            assert ask(buffer, "SELECT count(*), count(DISTINCT s0), max(s0) FROM inferences") == expected
            assert buffer.findings() == [make_finding()]
            assert buffer.repairs == ()


def test_it_starts_on_a_full_disk(tmp_path: Path) -> None:
    """A start without a free byte reads what is there, moves nothing, and stores again once there is room."""
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=8m", "tmpfs") as disk:
        with opened(tmp_path / "state") as buffer:
            buffer.append([make_block(1_000)], [])
            buffer.commit()
            shutil.copytree(tmp_path / "state", disk / "state")
        _fill(disk / "hog")
        with opened(disk / "state") as buffer:
            assert (buffer.status().mode, buffer.status().rows, buffer.repairs) == ("disk", 1_000, ())
            buffer.append([make_block(5, first=1_000)], [])
            buffer.commit()
            (disk / "hog").unlink()
            buffer.commit()
            assert ask(buffer, "SELECT count(*), max(brightness) FROM inferences") == [[1_005, 1_004.0]]


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4_096))
        except OSError:
            return


def test_a_read_only_directory_is_served_from_memory(tmp_path: Path) -> None:
    """Where nothing can be written the buffer works in memory, bounded, and says so with the reason."""
    config = BufferConfig(memory_rows_mib=2)
    names = [f"s{at}" for at in range(20)]
    with (
        mounted(tmp_path / "fixed", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs") as disk,
        opened(disk / "state", config) as buffer,
    ):
        assert buffer.status().mode == "memory"
        assert buffer.status().notes == (f"{disk / 'state'} cannot be written: Read-only file system",)
        for first in range(0, 100_000, 5_000):
            buffer.append([make_block(5_000, first=first, names=names)], [make_reading()])
            buffer.commit()
            assert buffer.status().bytes <= buffer.status().limit_bytes == 2 << 20
        buffer.save_finding(make_finding())
        assert buffer.findings() == [make_finding()]
        assert ask(buffer, "SELECT max(s0) FROM inferences") == [[99_999.0]]
        assert buffer.positions() == {"a.ring": 100_000}


def test_a_file_in_the_directorys_place_is_named(tmp_path: Path) -> None:
    """A state directory that is a file leaves it alone and works in memory."""
    (tmp_path / "state").write_text("mine")
    with opened(tmp_path / "state") as buffer:
        assert buffer.status().notes == (f"{tmp_path / 'state'} cannot be written: File exists",)
        buffer.append([make_block(3)], [])
        buffer.commit()
        assert ask(buffer, "SELECT count(*) FROM inferences") == [[3]]
    assert (tmp_path / "state").read_text() == "mine"
