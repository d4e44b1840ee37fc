"""`driftline report` from a stopped agent's buffer, with a fake in the place of the process that loads Evidently."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from agent.buffer import Buffer, BufferConfig, open_buffer
from agent.cli import group
from agent.clock import ManualClock, SystemClock
from agent.commands.report import run as report_run
from agent.commands.report.stored import of_agent
from agent.model import Block, Reading, Signal, Stream
from detectors import fit_reference
from exporters.report.document import Keeping
from tests.agent.buffer.blocks import make_finding
from tests.tui.fake_cases import fouled
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
SIGNALS = (Signal("time", "input"), Signal("it's", "input"), Signal("prediction", "output", "categorical"))
CAMERA = Stream(model="meter-reader", version="3", sha256="ab" * 32, pid=7)
ROWS = 12_000
HOUR_NS = 3_600 * 10**9

# Stands in for exporters.report.child: writes down what it was handed.
FAKE = """
import json, sys
import msgspec
from pathlib import Path
from exporters.report.job import read_job
folder = Path(sys.argv[1])
print(json.dumps({"stage": "loading nothing"}), flush=True)
job, rows = read_job(folder)
said = {
    "key": job.key, "site": job.site, "device": job.device, "findings": [f.id for f in job.findings],
    "signals": [s.name for s in job.signals], "kind": job.baseline.kind, "stored": job.window.stored,
    "failed": job.window.failed, "compared": job.window.compared, "baseline": len(rows.baseline),
    "current": rows.current.shape, "in_order": bool((rows.time_ns[1:] > rows.time_ns[:-1]).all()),
    "first": rows.current[:, 0].min().item(), "last": rows.current[:, 0].max().item(),
    "gap": max(b - a for a, b in zip(rows.current[:, 0], rows.current[1:, 0])).item(),
    "second": sorted(set(rows.current[:, 1].tolist())), "independent": job.independent_rows,
    "keeping": msgspec.to_builtins(job.keeping), "unread": job.unread,
}
(folder / "report.json").write_text(json.dumps(said))
(folder / "report.html").write_text("<html>whole</html>")
print(json.dumps({"refused": []}), flush=True)
"""


def block(first_ns: int, stream: Stream = CAMERA, rows: int = ROWS) -> Block:
    """An hour of rows, the first column counting; every hundredth inference failed."""
    values = np.zeros((rows, 3), np.float32)
    values[:, 0] = np.arange(rows)
    values[:, 1] = 7.0
    values[:, 2] = np.arange(rows) % 10
    status = np.zeros(rows, np.uint8)
    status[::100] = 1
    return Block(
        stream=stream, signals=SIGNALS, time_ns=first_ns + np.arange(rows, dtype=np.int64) * (HOUR_NS // rows),
        latency_s=np.full(rows, 0.01), status=status, values=values, source="a.ring", last_seq=rows,
    )  # fmt: skip


def life(sensor: str, left: float, time_ns: int) -> Reading:
    """What an eMMC says of its life."""
    return Reading("hw.physical_disk.endurance_utilization", "1", left, time_ns, (("sensor", sensor),))


def store(buffer: Buffer, *blocks: Block) -> None:
    """Make rows durable."""
    buffer.append(blocks, [])
    buffer.commit()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped agent's state: two hours of one stream, a reference, and a finding that is open since long ago."""
    directory = tmp_path_factory.mktemp("state")
    now = SystemClock().wall_ns()
    buffer = open_buffer(directory, ManualClock(now), BufferConfig())
    rows = np.random.default_rng(0).normal(size=(900, 3))
    buffer.put_state(CAMERA.key, "reference", fit_reference(rows, SIGNALS).encode())
    buffer.save_finding(make_finding())
    buffer.save_finding(make_finding("f-2", "closed"))  # it was over before the window
    store(buffer, block(now - 2 * HOUR_NS), block(now - HOUR_NS))
    buffer.close()
    return directory


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the fake called in place of Evidently's process, as if the extra was installed."""
    monkeypatch.setattr("exporters.report.extra.missing", lambda: None)
    monkeypatch.setattr(report_run, "child_command", lambda folder: [sys.executable, "-c", FAKE, str(folder)])
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'probe'}")


@pytest.fixture(autouse=True)
def own_handlers() -> Iterator[None]:
    """Give SIGTERM back: the command takes it."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def report(*arguments: object) -> tuple[int, list[str], str]:
    """Run the command; return exit code, lines on stdout, and stderr."""
    result = CliRunner().invoke(group, ["report", *map(str, arguments)])
    return result.exit_code, result.stdout.splitlines(), result.stderr


def said(lines: list[str]) -> dict[str, Any]:
    """What the fake was handed."""
    answer: dict[str, Any] = json.loads(Path(lines[0]).read_text())
    return answer


@pytest.mark.usefixtures("fake")
def test_a_stopped_agents_buffer_is_reported(state: Path, tmp_path: Path) -> None:
    """Two whole files; the rows are thinned evenly, in order, and without those that failed."""
    config = tmp_path / "driftline.toml"
    config.write_text('site = "plant-7"\ndevice = "camera/3"\n')
    out = tmp_path / "out"
    code, lines, err = report("--state", state, "--since", "1h", "--out", out, "--config", config)
    assert (code, [Path(line).suffix for line in lines]) == (0, [".json", ".html"]), err
    assert sorted(out.iterdir()) == sorted(Path(line) for line in lines)
    assert Path(lines[1]).read_text() == "<html>whole</html>"
    assert Path(lines[0]).name.startswith("driftline-camera_3-meter-reader@abababababab-")
    handed = said(lines)
    assert (handed["key"], handed["site"], handed["device"]) == ("meter-reader@abababababab", "plant-7", "camera/3")
    assert (handed["findings"], handed["signals"]) == (["f-1"], ["time", "it's", "prediction"])
    assert (handed["kind"], handed["baseline"]) == ("reference", 900)
    assert handed["stored"] + handed["failed"] == pytest.approx(ROWS, abs=50)  # some seconds went by
    assert handed["failed"] == pytest.approx(ROWS / 100, abs=2)
    assert 3_000 < handed["compared"] <= 5_000
    assert handed["current"] == [handed["compared"], 3]
    assert (handed["in_order"], handed["second"]) == (True, [7.0])
    assert handed["first"] < 400  # the window from its beginning
    assert handed["last"] > ROWS - 50  # to its end
    assert handed["gap"] < 60
    assert "loading nothing … " in err


@pytest.mark.usefixtures("fake")
def test_what_a_stopped_agent_kept_and_wrote_is_reported(tmp_path: Path) -> None:
    """Of how much, how far it was thinned, and what the storage last said of its life."""
    directory, now = tmp_path / "state", SystemClock().wall_ns()
    clock = ManualClock(now)
    with contextlib.closing(open_buffer(directory, clock, BufferConfig())) as buffer:
        rows = np.random.default_rng(0).normal(size=(900, 3))
        buffer.put_state(CAMERA.key, "reference", fit_reference(rows, SIGNALS).encode())
        buffer.append([block(now - HOUR_NS)], [life("slc", 0.2, now - HOUR_NS), life("mlc", 0.4, now)])
        clock.advance(60)
        buffer.append([], [life("slc", 0.3, now)])  # another card than before
        buffer.commit()
    config = tmp_path / "driftline.toml"
    config.write_text("[buffer]\nlimit_mib = 512\nwrite_mib_per_day = 100\n")
    code, lines, err = report(
        "--state", directory, "--since", "2h", "--out", tmp_path / "out", "--config", config, "--quiet"
    )
    assert (code, err) == (0, "")
    handed = said(lines)
    kept = sum(path.stat().st_size for path in (*directory.glob("core*"), *directory.glob("segments/*")))
    assert handed["keeping"] == {
        "kept": kept, "kept_limit": 512 << 20, "written": handed["keeping"]["written"], "written_limit": 100 << 20,
        "thinned": "rows are kept as configured", "since": None, "life": 0.3,
    }  # fmt: skip
    assert handed["keeping"]["written"] >= 0
    assert handed["unread"] == []


def test_what_a_running_agent_keeps_is_what_its_status_says() -> None:
    """The same figures as `driftline status`, with the worst of what the storage says of its life."""
    status = fouled()
    lives = (life("slc", 0.9, 0), life("mlc", 0.6, 0))
    assert of_agent(msgspec.structs.replace(status, host=(*status.host, *lives))) == Keeping(
        kept=41_500_000, kept_limit=1_000_000_000, written=38_100_000, written_limit=256 << 20,
        thinned="rows are kept as configured", life=0.6,
    )  # fmt: skip


@pytest.mark.usefixtures("fake")
def test_what_could_not_be_read_is_in_the_report_and_fails(state: Path, tmp_path: Path) -> None:
    """A segment that is damaged is missed: the report is written and says so, and a script notices."""
    damaged = tmp_path / "state"
    shutil.copytree(state, damaged)
    bad = damaged / "segments" / "000000-20260101.duckdb"
    bad.write_bytes(b"rubbish" * 4_096)
    code, lines, err = report("--state", damaged, "--since", "1h", "--out", tmp_path / "out", "--quiet")
    assert (code, len(lines)) == (1, 2)
    (note,) = said(lines)["unread"]
    assert note.startswith("000000-20260101.duckdb cannot be read and is left out: ")
    assert err.splitlines()[0] == f"driftline: {note}"
    code, _, err = report("pump", "--state", damaged, "--since", "1h", "--out", tmp_path / "out", "--if-any")
    assert (code, "cannot be read" in err) == (1, True)


@pytest.mark.usefixtures("fake")
def test_an_earlier_window_is_compared(state: Path, tmp_path: Path) -> None:
    """The same span so much earlier, from the buffer, and no reference is needed."""
    code, lines, err = report("--state", state, "--since", "50m", "--against", "1h", "--out", tmp_path, "--quiet")
    assert (code, err) == (0, "")
    handed = said(lines)
    assert handed["kind"] == "window"
    assert handed["baseline"] == pytest.approx(handed["compared"], rel=0.1)


@pytest.mark.usefixtures("fake")
def test_a_stream_is_chosen_by_its_model_or_its_key(state: Path, tmp_path: Path) -> None:
    """An unknown one is refused, and those that are there are named."""
    for name in ("meter-reader", CAMERA.key):
        code, lines, _ = report(name, "--state", state, "--since", "1h", "--out", tmp_path)
        assert (code, len(lines)) == (0, 2)
    code, lines, err = report("pump", "--state", state, "--since", "1h", "--out", tmp_path)
    assert (code, lines) == (1, [])
    assert "no stream is called 'pump'; in that window the buffer has: meter-reader@abababababab" in err


@pytest.mark.usefixtures("fake")
def test_a_stream_without_a_reference_says_so_and_the_others_are_reported(tmp_path: Path) -> None:
    """One stream that cannot be reported on does not keep the others from it; the exit code tells."""
    now = SystemClock().wall_ns()
    buffer = open_buffer(tmp_path / "state", ManualClock(now), BufferConfig())
    rows = np.random.default_rng(0).normal(size=(900, 3))
    buffer.put_state(CAMERA.key, "reference", fit_reference(rows, SIGNALS).encode())
    store(buffer, block(now - HOUR_NS, Stream(model="new"), 600), block(now - HOUR_NS, rows=600))
    buffer.close()
    code, lines, err = report("--state", tmp_path / "state", "--since", "70m", "--out", tmp_path / "out")
    assert (code, len(lines)) == (1, 2)
    assert "new has no reference yet" in err
    code, lines, err = report(
        "new", "--state", tmp_path / "state", "--since", "20m", "--against", "30m", "--out", tmp_path
    )
    assert (code, said(lines)["signals"]) == (0, ["time_2", "it's", "prediction"]), err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--since", "yesterday"], 2, "'yesterday': accepted are a span such as 90m, 24h, 7d or 2w, or a moment"),
        (["--since", "0h"], 2, "'0h'"),
        (["--since", "2999-01-01"], 2, "is in the future"),
        (["--since", "24h", "--against", "1h"], 2, "--against 1h overlaps the window"),
        (["--since", "1h", "--against", "last"], 2, "'last': accepted is a span"),
        (["--since", "1h", "--config", "absent.toml"], 78, "absent.toml: no such file"),
    ],
)
@pytest.mark.usefixtures("fake")
def test_what_cannot_be_meant_is_refused_before_any_work(
    state: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    """The message names what was given and what is accepted; nothing is written."""
    out = tmp_path / "out"
    done, _, err = report("--state", state, "--out", out, *arguments)
    assert (done, message in err, out.exists()) == (code, True, False), err


@pytest.mark.usefixtures("fake")
def test_an_empty_window_is_one_line(state: Path, tmp_path: Path) -> None:
    """Nothing was stored then."""
    now = SystemClock().wall_ns() // 10**9
    moment = f"{np.datetime64(now - 1, 's')}Z"
    code, _, err = report("--state", state, "--since", moment, "--out", tmp_path)
    assert (code, err.count("\n")) == (1, 1)
    assert "a longer --since may hold some" in err or "only " in err
    code, lines, again = report("--state", state, "--since", moment, "--out", tmp_path, "--if-any")
    assert (code, lines, again.count("\n")) == (0, [], 1)


def test_without_the_extra_it_says_what_to_install_and_does_nothing(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 1, one line, before any work."""

    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", absent)
    out = tmp_path / "out"
    code, lines, err = report("--state", state, "--out", out)
    assert (code, lines, out.exists()) == (1, [], False)
    assert err.count("\n") == 1
    assert "evidently, which is not installed; install the extra: pip install 'driftline[report]'" in err


def test_pandas_that_evidently_cannot_load_is_named(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Evidently itself would end in a traceback after ten seconds."""
    monkeypatch.setattr("importlib.metadata.version", lambda name: {"evidently": "0.7.23", "pandas": "3.1.0"}[name])
    code, _, err = report("--state", state, "--out", tmp_path)
    assert (code, "does not load with pandas 3.1.0" in err) == (1, True)


@pytest.mark.usefixtures("fake")
def test_a_child_that_fails_leaves_nothing(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a report is none: the folder is as it was."""
    code = (
        f"import sys; open(sys.argv[1] + '/report.html', 'w').write('half'); print({json.dumps({'error': 'broken'})!r})"
    )
    monkeypatch.setattr(report_run, "child_command", lambda folder: [sys.executable, "-c", code, str(folder)])
    done, lines, err = report("--state", state, "--since", "1h", "--out", tmp_path)
    assert (done, lines, list(tmp_path.iterdir())) == (1, [], [])
    assert err.endswith("driftline: broken\n")


HARNESS = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background have it ignored
from agent.cli import main
from agent.commands.report import run
import exporters.report.extra
exporters.report.extra.missing = lambda: None
hang = "import sys, time; open(sys.argv[1] + '/report.html', 'w').write('half'); time.sleep(600)"
run.child_command = lambda folder: [sys.executable, "-c", hang, str(folder)]
sys.argv = ["driftline", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_file_and_no_process(state: Path, tmp_path: Path, number: int) -> None:
    """Ctrl-C while Evidently works: its process is gone, and so is what it had begun to write."""
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", HARNESS, "report", "--state", str(state), "--since", "1h", "--out", str(out)],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    wait_until(lambda: list(out.glob("*/report.html")) or list(out.glob(".*/report.html")), "the child to write")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(process.pid, number)
    lines, err = process.communicate(timeout=20)
    assert (process.returncode, lines, list(out.iterdir())) == (1, "", [])
    assert err.endswith("driftline: stopped; nothing was left behind\n")
    assert [pid for pid in children if Path(f"/proc/{pid}/cmdline").exists()] == []
