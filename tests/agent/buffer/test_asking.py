"""Questions that are answered by a process of their own, while this one writes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import msgspec
import psutil
import pytest

from agent.buffer.asking import Asking, ask
from agent.buffer.question import Question
from agent.buffer.sharing import Sharing
from agent.frames import Verdict
from tests.agent.buffer.attacks import ATTACKS, HOGS
from tests.agent.buffer.blocks import make_block, make_finding, make_reading, opened
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.buffer import Buffer

pytestmark = pytest.mark.skipif(not Sharing.possible(), reason="needs /proc")

NAMES = [f"s{at}" for at in range(20)]

# Every attack with nobody looking at it first: what holds then are the transaction, the settings and the kernel.
UNGUARDED = """
import json, sys
from pathlib import Path
from agent.buffer import asked, query
from agent.buffer.reader import Reader
from agent.buffer.question import Question
query.check = lambda *_, **__: None
directory, attacks = Path(sys.argv[1]), json.load(sys.stdin)
asked.yield_to_others(256)
asked.resource.setrlimit(asked.resource.RLIMIT_FSIZE, (0, 0))
reader = Reader(directory, None, piped=True)
walled = asked.see_only([directory])
said = {}
for attack in attacks:
    try:
        said[attack] = str(query.run_query(reader, attack, 5, 0.2).rows)
    except Exception as error:
        said[attack] = f"refused: {error}"
print(json.dumps([walled, said]))
"""


@pytest.fixture(scope="module")
def buffer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buffer]:
    """A buffer that holds a little of everything, and goes on writing."""
    with opened(tmp_path_factory.mktemp("asked")) as store:
        store.append([make_block(10)], [make_reading()])
        store.save_finding(make_finding())
        store.commit()
        yield store


@pytest.fixture(scope="module")
def asking(buffer: Buffer) -> Asking:
    """Who asks it."""
    return Asking(buffer)


def _ask(asking: Asking, sql: str, rows: int = 10, seconds: float = 20.0) -> list[list[Any]]:
    found: list[list[Any]] = json.loads(asking.query(sql, rows, seconds))["rows"]
    return found


def test_what_was_committed_is_answered_beside_the_writer(buffer: Buffer, asking: Asking) -> None:
    """A row is there as soon as its batch is, whether it is in the log still or in the file."""
    before = _ask(asking, "SELECT count(*) FROM inferences")[0][0]
    buffer.append([make_block(3, first=before)], [])
    buffer.commit()
    assert _ask(asking, "SELECT count(*), (SELECT count(*) FROM findings) FROM inferences") == [[before + 3, 1]]


def test_the_file_is_the_writers_alone_again_afterwards(buffer: Buffer, asking: Asking) -> None:
    """While nothing is asked no other process can open it, and none can write to it ever."""
    path = str(Path(buffer.status().path) / "core.duckdb")
    open_it = "import duckdb, sys; duckdb.connect(sys.argv[1], read_only=bool(int(sys.argv[2])))"

    def error(read_only: int) -> str:
        command = [sys.executable, "-c", open_it, path, str(read_only)]
        return subprocess.run(command, text=True, capture_output=True, check=False).stderr

    with asking._sharing.shared():
        assert ("Conflicting lock" in error(1), "Conflicting lock" in error(0)) == (False, True)
    assert "Conflicting lock" in error(1)


@pytest.mark.parametrize("hog", [HOGS[0], HOGS[3]], ids=lambda sql: sql[:40])
def test_ingest_goes_on_beside_a_hog_that_cannot_be_interrupted(buffer: Buffer, asking: Asking, hog: str) -> None:
    """Its process meets its limit of memory; the agent commits its batches meanwhile, and has nothing to tell of."""
    refusals: list[str] = []

    def query() -> None:
        try:
            asking.query(hog, 1, 5.0)
        except ValueError as error:
            refusals.append(str(error))

    thread = threading.Thread(target=query)
    before = buffer.status()
    thread.start()
    wait_until(lambda: asking._running or not thread.is_alive(), "the query runs")
    for _ in range(5):
        buffer.append([make_block(1_000, names=NAMES)], [])
        buffer.commit()
    thread.join(30)
    after = buffer.status()
    assert (after.rows - before.rows, after.discarded_rows, after.notes, len(refusals)) == (5_000, 0, (), 1)
    assert "memory" in refusals[0] or "took longer" in refusals[0]


def test_no_query_keeps_files_from_being_opened_anew(tmp_path: Path) -> None:
    """After a fault the next commit has its files back, though a query read them that would have gone on for long."""
    with opened(tmp_path) as store:
        store.append([make_block(3)], [])
        store.commit()
        asking = Asking(store)
        endless = "WITH RECURSIVE t AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM t) SELECT max(x) FROM t"
        said: list[Any] = []
        thread = threading.Thread(target=lambda: said.extend(asking.stream("rows", sql=endless, time_limit_s=60.0)))
        thread.start()
        wait_until(lambda: _reads(store), "its process reads the files")
        store._files.failed(duckdb.IOException("invalidated"))
        store.append([make_block(2, first=3)], [])
        store.commit()
        assert (store.status().rows, store.status().notes) == (5, ())
        wait_until(lambda: _reads(store), "the query was asked again")
        asking.close()
        thread.join(10)
    assert said == [Verdict(error="the agent is stopping")]


def _reads(buffer: Buffer) -> bool:
    """Whether another process has locked the newest segment for itself to read."""
    newest = max(Path(buffer.status().path).rglob("0*.duckdb"))
    locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    held = {(pid, int(place.rpartition(":")[2])) for _, _, _, _, pid, place, *_ in locks}
    return any((str(child.pid), newest.stat().st_ino) in held for child in psutil.Process().children())


def test_a_query_that_would_run_for_ever_is_ended_with_the_agent(buffer: Buffer, tmp_path: Path) -> None:
    """Nobody waits for it when the agent stops."""
    del buffer
    with opened(tmp_path) as store:
        asking = Asking(store)
        said: list[Any] = []
        endless = "WITH RECURSIVE t AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM t) SELECT max(x) FROM t"

        def query() -> None:
            said.extend(asking.stream("rows", sql=endless, time_limit_s=60.0))

        thread = threading.Thread(target=query)
        thread.start()
        wait_until(lambda: asking._running, "the query runs")
        asking.close()
        thread.join(10)
    assert said == [Verdict(error="the agent is stopping")]


def test_behind_the_look_at_a_query_the_process_itself_holds(buffer: Buffer, asking: Asking) -> None:
    """With nobody looking at them no attack writes, none reads another file, and ingest never notices."""
    directory = Path(buffer.status().path)
    rows, files = buffer.status().rows, sorted(path.name for path in directory.rglob("*"))
    # Those that only take long are tried above, one at a time.
    attacks = [text.replace("{directory}", str(directory)) for text in ATTACKS if "sleep" not in text]
    with asking._sharing.shared():
        done = subprocess.run(
            [sys.executable, "-c", UNGUARDED, str(directory)],
            input=json.dumps(attacks), text=True, capture_output=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2_000:]
    _, said = json.loads(done.stdout)
    got = {attack: answer for attack, answer in said.items() if not answer.startswith("refused")}
    assert [attack for attack, answer in got.items() if "root:" in answer] == []
    assert sorted(path.name for path in directory.rglob("*")) == files
    buffer.append([make_block(1)], [])
    buffer.commit()
    assert (buffer.status().rows, buffer.status().notes) == (rows + 1, ())
    assert [finding.id for finding in buffer.findings()] == ["f-1"]
    assert _ask(asking, "SELECT count(*) FROM inferences") == [[rows + 1]]


def test_an_answer_too_large_for_the_agent_is_refused(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how to get it all the same."""
    monkeypatch.setattr("agent.buffer.asking.MOST_ANSWER_BYTES", 1_000)
    with pytest.raises(ValueError, match=r"--format parquet --output FILE"):
        asking.query("FROM range(10000)", 10_000, 10.0)


def test_files_that_are_rewritten_meanwhile_are_read_again(tmp_path: Path) -> None:
    """An answer from before and after a rewriting is neither; the reader says so, and asks again."""
    with opened(tmp_path) as store:
        store.append([make_block(5)], [])
        store.commit()
        segment = next((tmp_path / "segments").glob("*.duckdb"))
        text = (
            "import sys, os; from agent.buffer import asked; from pathlib import Path\n"
            "class Rewritten(asked.Still):\n"
            "    def unchanged(self): return os.path.exists(sys.argv[2])\n"
            "asked.Still = Rewritten\n"
            "sys.exit(asked.main(os.getppid()))"
        )
        question = Question(directory=str(tmp_path), beside=True, sql="SELECT count(*) FROM inferences")
        with Sharing(str(tmp_path)).shared():
            done = subprocess.run(
                [sys.executable, "-c", text, "-", "/nowhere"], input=msgspec.json.encode(question),
                capture_output=True, check=False,
            )  # fmt: skip
        assert segment.exists()
    verdict = msgspec.json.decode(done.stderr.rpartition(b"\n")[2], type=Verdict)
    assert (done.stdout, verdict.again) == (b"", True)


def test_the_files_of_a_stopped_agent_are_asked_the_same_way(tmp_path: Path) -> None:
    """And an agent that runs is named instead."""
    question = Question(directory=str(tmp_path), beside=False, sql="SELECT count(*) FROM inferences")
    with opened(tmp_path) as store:
        store.append([make_block(5)], [])
        store.commit()
        (busy,) = ask(question)
    answer, verdict = ask(question)
    assert isinstance(busy, Verdict)
    assert "is in use by process" in busy.error
    assert isinstance(answer, bytes)
    assert (json.loads(answer)["rows"], verdict) == ([[5]], Verdict(rows=1))


def test_one_that_says_more_than_a_pipe_holds_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says is read beside its answer, and only the end of it is kept."""
    module = tmp_path / "loud" / "agent" / "buffer" / "asked.py"
    module.parent.mkdir(parents=True)
    for package in module.parents[:2]:
        (package / "__init__.py").touch()
    module.write_text(
        "import sys\nsys.stdin.read()\nsys.stderr.write('x' * 1_000_000 + '\\n')\n"
        'sys.stdout.write("rows")\nsys.stdout.flush()\nsys.stderr.write(\'{"rows": 7}\')\n'
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "loud"))
    question = Question(directory=str(tmp_path), beside=False, time_limit_s=5.0)
    assert list(ask(question)) == [b"rows", Verdict(rows=7)]


def test_a_verdict_of_many_words_is_shortened_to_what_is_read(tmp_path: Path) -> None:
    """An error that quotes a question of a hundred thousand characters is still an error in words."""
    with opened(tmp_path):
        pass
    name = "x" * 100_000
    (verdict,) = ask(Question(directory=str(tmp_path), beside=False, sql=f'SELECT "{name}" FROM inferences'))
    assert isinstance(verdict, Verdict)
    assert (verdict.error.startswith("the query's process"), len(verdict.error) < 5_000) == (False, True)


def test_where_there_is_no_room_a_question_is_not_begun(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said why, and plain ones are answered all the same."""
    monkeypatch.setattr("agent.buffer.asking.lacking", lambda needed_mib, what, _: f"{what} needs {needed_mib}")
    with pytest.raises(ValueError, match="a query needs 72"):
        asking.query("SELECT printf('%d', count(*)) FROM inferences", 1, 20.0)
    assert len(_ask(asking, "SELECT count(*) FROM inferences")) == 1
