"""Files as power cuts and worn cards leave them: the buffer starts, keeps what can be read, and says what cannot."""

from __future__ import annotations

import random
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
import pytest

from agent.buffer import BufferConfig, SchemaTooNewError, open_readonly
from agent.buffer.query import run_query
from agent.buffer.schema import CORE_VERSION, VERSION
from agent.buffer.wal import checksum
from tests.agent.buffer.blocks import ask, make_block, make_finding, make_reading, opened
from tests.faults.counts import scaled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUMMARY = "count(*), count(DISTINCT brightness), min(brightness), max(brightness)"


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory as a crash leaves it: thirty batches of ten rows, all in the log; the core has written since."""
    directory = tmp_path_factory.mktemp("crashed")
    with opened(directory / "running") as buffer:
        buffer.save_finding(make_finding())
        for number in range(30):
            buffer.append([make_block(10, first=10 * number)], [make_reading()])
            buffer.commit()
        buffer.put_state("camera", "reference", b"state")
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


@pytest.mark.faults
def test_a_damaged_log_is_cut_at_its_last_sound_entry(crashed: Path, tmp_path: Path) -> None:
    """However it is damaged, it starts, keeps a run of whole batches from the first, and takes new rows."""
    wal = next(crashed.rglob("0*.wal"))
    data = wal.read_bytes()
    for changed in mutations(data, scaled(15, 0.5)):
        with damaged(crashed, tmp_path, wal.name, changed) as directory:
            with opened(directory) as buffer:
                rows = buffer.status().rows
                if rows:
                    expected = [[rows, rows, 0.0, rows - 1.0]]
                    assert ask(buffer, f"SELECT {SUMMARY} FROM inferences") == expected
                assert rows % 10 == 0
                # What is missing is told, also where the log looks as every hard stop leaves one.
                told = [note for note, _ in buffer.repairs if f"is lost, {300 - rows} rows at least" in note]
                assert len(told) == (rows < 300)
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
            (note, _), (lost, _) = buffer.repairs
            assert lost.startswith(f"{wal.stem} ends too early: what had been stored after ")
            assert note.startswith(f"{wal.name} was damaged after byte ")
            assert f"quarantine/{wal.name}.1" in note
            buffer.commit()
            buffer.commit()
            assert ask(buffer, "SELECT kind, detail FROM events") == [["repair", note], ["repair", lost]]
        cut = (directory / "quarantine" / f"{wal.name}.1").read_bytes()
        assert cut == (data[:half] + bytes(half))[-len(cut) :]
        assert f"the rest ({len(cut)} bytes) was cut off" in note
        assert len(cut) >= half


def test_a_log_that_lost_its_beginning_is_not_ignored(crashed: Path, tmp_path: Path) -> None:
    """DuckDB opens beside such a log as if it were empty; here it is said, and kept."""
    wal = next(crashed.rglob("0*.wal"))
    data = bytes(4_096) + wal.read_bytes()[4_096:]
    with damaged(crashed, tmp_path, wal.name, data) as directory, opened(directory) as buffer:
        assert ["was damaged after byte 0" in note for note, _ in buffer.repairs] == [True, False]
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
        # Of the newest one the core knows how much it held.
        assert len(buffer.repairs) == (2 if name.startswith("000002") else 1)
        assert [name in repair.sentence for repair in buffer.repairs] == [True] * len(buffer.repairs)
        sentence, advice = buffer.repairs[0]
        cut = len(bad) < 3 * 4_096
        if name == "core.duckdb":
            assert cut or "the findings of before with their history, the references of the models" in sentence
            assert "driftline baseline import FILE" in advice
        else:
            assert cut or "what it held is missing from queries" in sentence
            assert cut or "copy what must be kept" in advice
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


@pytest.mark.faults
@pytest.mark.parametrize("bits", [1, 2])
@pytest.mark.parametrize("name", ["000001-20241004.duckdb", "core.duckdb"])
def test_bit_flips_never_stop_it(settled: Path, tmp_path: Path, name: str, bits: int) -> None:
    """Whichever bits are wrong, it starts and takes rows; one in a header is set right, elsewhere one most often."""
    data = next(settled.rglob(name)).read_bytes()
    told = kept = 0
    for at in _places(len(data), bits):
        bad = bytearray(data)
        for place in at:
            bad[place] ^= 64
        with damaged(settled, tmp_path, name, bytes(bad)) as directory, opened(directory) as buffer:
            buffer.append([make_block(5, first=90_000)], [])
            buffer.commit()
            for _ in range(4):
                count = _count_or_none(buffer)
                buffer.commit()
            lost = "set aside" in " ".join(note for note, _ in buffer.repairs)
            assert count == (30_005 if lost and name != "core.duckdb" else 60_005)
            assert buffer.findings() == ([] if lost and name == "core.duckdb" else [make_finding()])
            assert not (lost and bits == 1 and at[0] in range(4_096, 12_288)), buffer.repairs
            assert [name in note for note, _ in buffer.repairs] == [True] * len(buffer.repairs)
            told += bool(buffer.repairs)
            kept += bool(buffer.repairs) and not lost
    assert told
    assert (kept > 1) == (bits == 1)


def _places(size: int, bits: int) -> list[list[int]]:
    """Places of wrong bits, those of one file in one block: in every header first, then anywhere."""
    seeded = random.Random(8)
    headers = [[at + seeded.randrange(32, 200) for _ in range(bits)] for at in (0, 4_096, 8_192)]
    blocks = [seeded.randrange((size - 12_288) // 65_536) for _ in range(scaled(3, 0.15))]
    return headers + [[12_288 + block * 65_536 + seeded.randrange(65_536) for _ in range(bits)] for block in blocks]


def test_what_a_crash_leaves_lying_is_tidied(settled: Path, tmp_path: Path) -> None:
    """Temporaries go without a word, files that were never written with one, a log without its file is set aside."""
    directory = tmp_path / "copy"
    shutil.copytree(settled, directory)
    (directory / "core.duckdb.tmp").mkdir()
    (directory / "segments" / "000003-20241006.duckdb").touch()
    (directory / "segments" / "000004-20241006.duckdb.wal").write_bytes(b"orphan")
    with opened(directory) as buffer:
        assert len(buffer.repairs) == 2
        assert not (directory / "core.duckdb.tmp").exists()
        assert ask(buffer, "SELECT count(*) FROM inferences") == [[60_000]]
    assert (directory / "quarantine" / "000004-20241006.duckdb.wal.1").read_bytes() == b"orphan"
    with opened(directory) as buffer:
        assert buffer.repairs == ()


@pytest.mark.parametrize(("name", "version"), [("core.duckdb", CORE_VERSION), ("000001-20241004.duckdb", VERSION)])
def test_a_newer_schema_is_refused(settled: Path, tmp_path: Path, name: str, version: int) -> None:
    """A file of a later version is named, not opened, and not touched; by a reader as well."""
    directory = tmp_path / "copy"
    shutil.copytree(settled, directory)
    path = next(directory.rglob(name))
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"UPDATE meta SET value = '{version + 1}' WHERE key = 'schema_version'")
    before = path.read_bytes()
    with (
        pytest.raises(
            SchemaTooNewError, match=rf"{path} was .* newer version \(format {version + 1}; .* up to {version}\)"
        ),
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


def test_a_reader_changes_nothing_and_reads_the_rest(settled: Path, tmp_path: Path) -> None:
    """Without an agent nothing is repaired: what is damaged is left out, named, and stays as it is."""
    name = "000001-20241004.duckdb"
    with damaged(settled, tmp_path, name, b"rubbish" * 5_000) as directory:
        before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
        reader = open_readonly(directory)
        assert run_query(reader, "SELECT count(*) FROM inferences", 1, 10.0).rows == [[30_000]]
        assert reader.findings() == [make_finding()]
        assert [note.startswith(f"{name} cannot be read and is left out: ") for note in reader.notes] == [True]
        reader.close()
        assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before


def test_a_reader_sees_what_a_crash_left_in_the_log(crashed: Path, tmp_path: Path) -> None:
    """Rows that are only in the log are read without folding it in."""
    directory = tmp_path / "copy"
    shutil.copytree(crashed, directory)
    reader = open_readonly(directory)
    assert run_query(reader, "SELECT count(*) FROM inferences", 1, 10.0).rows == [[300]]
    reader.close()
    assert next(directory.rglob("0*.wal")).read_bytes() == next(crashed.rglob("0*.wal")).read_bytes()
