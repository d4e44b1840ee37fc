"""The real process with the real Evidently, once, where it can reach no network; the tests read what it wrote."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from agent.clock import SystemClock
from exporters.report.document import FORMAT, ColumnOpinion, ReportDocument
from exporters.report.extra import missing
from exporters.report.job import HTML, JSON, Rows, write_job
from exporters.report.process import ReportError, child_command, run_child
from tests.absent import absent
from tests.exporters.report.report_case import SIGNALS, make_finding, make_job, make_rows

if TYPE_CHECKING:
    from pathlib import Path

# Runs the child, and tells what the sealed network refused and how low it put itself.
SPY = """
import json, os, sys
from agent import confine
from exporters.report import child
def yield_to_others(limit, original=confine.yield_to_others):
    original(limit)
    import psutil
    own = psutil.Process()
    spied["nice"], spied["ionice"] = own.nice(), int(own.ionice().ioclass)
    with open("/proc/self/oom_score_adj") as file:
        spied["oom"] = int(file.read())
    with open("/proc/self/limits") as file:
        spied["data"] = next(line.split()[3] for line in file if line.startswith("Max data size"))
def seal_network(original=confine.seal_network):
    spied["refused"] = refused = original()
    return refused
spied = {}
child.yield_to_others, child.seal_network = yield_to_others, seal_network
from pathlib import Path
code = child.main(Path(sys.argv[1]), os.getppid())
Path(sys.argv[1], "spied.json").write_text(json.dumps(spied))
sys.exit(code)
"""


class _Elsewhere(HTMLParser):
    """Collects what a page would load from elsewhere, and its style sheets."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.styles: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        self.found += [f"{tag} {v}" for n, v in attrs if n in {"src", "href"} and not (v or "").startswith("data:")]

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.styles.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._in_style = self._in_style and tag != "style"


@dataclass(frozen=True)
class Written:
    """What the process wrote."""

    html: str
    raw: dict[str, Any]
    document: ReportDocument
    spied: dict[str, Any]
    stages: list[str]
    columns: dict[str, ColumnOpinion]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """A report of a job with a shifted column, an unshifted one, and some that are hard to judge."""
    lacking = missing()
    if lacking:
        absent(lacking)
    folder = tmp_path_factory.mktemp("job")
    write_job(folder, make_job(make_finding("brightness")), make_rows())
    stages: list[str] = []
    command = [*_without_network(), sys.executable, "-P", "-c", SPY, str(folder)]
    run_child(folder, command, 300.0, SystemClock(), lambda stage: stages.append(stage) if stage else None)
    raw = json.loads((folder / JSON).read_bytes())
    document = msgspec.json.decode((folder / JSON).read_bytes(), type=ReportDocument)
    return Written(
        html=(folder / HTML).read_text(encoding="utf-8"),
        raw=raw,
        document=document,
        spied=json.loads((folder / "spied.json").read_text()),
        stages=stages,
        columns={column.name: column for column in document.evidently.columns},
    )


def _without_network() -> list[str]:
    """Return the words that put a command into a network of its own with nothing in it, where the kernel lets us."""
    if shutil.which("unshare") is None:
        return []
    tried = subprocess.run(["unshare", "-rn", "true"], check=False, capture_output=True)
    return [] if tried.returncode else ["unshare", "-rn"]


def test_the_shifted_column_has_drifted_and_the_others_have_not(written: Written) -> None:
    """By Evidently's own test for as few rows, and by how much in a figure of ours."""
    brightness, contrast = written.columns["brightness"], written.columns["contrast"]
    assert (brightness.method, brightness.threshold, brightness.drifted) == ("K-S p_value", 0.05, True)
    assert brightness.distance == pytest.approx(0.383, abs=0.05)  # of two unit normals, one standard deviation apart
    assert (brightness.baseline_mean, brightness.mean) == pytest.approx((0.0, 1.0), abs=0.15)
    assert (contrast.drifted, contrast.findings) == (False, ())
    assert contrast.missing == pytest.approx(1 / 7, abs=0.01)
    assert brightness.findings == ("f1",)
    assert written.columns["prediction"].method == "chi-square p_value"
    assert written.document.evidently.columns[0] is brightness


def test_the_two_verdicts_stand_side_by_side(written: Written) -> None:
    """In the JSON and on the page, in the same words."""
    agreement = written.document.agreement
    assert (agreement.verdict, agreement.both[0]) == ("agree", "brightness")
    assert agreement.sentence in written.html
    drifted = sum(column.drifted for column in written.columns.values())
    assert written.document.evidently.drifted == drifted
    assert f"{drifted} out of {len(written.columns)}" in written.html  # Evidently's own count, in its table


def test_what_cannot_be_compared_is_left_out_by_name(written: Written) -> None:
    """A column without values does not take the report down; one with infinities or a single value is compared."""
    assert [(column.name, column.reason) for column in written.document.evidently.left_out] == [
        ("never there", "no value in the window")
    ]
    assert set(written.columns) == {signal.name for signal in SIGNALS} - {"never there"}
    assert written.columns["constant"].distance == 0.0
    assert written.columns["with infinities"].missing == pytest.approx(0.02)


def test_names_do_not_break_out_of_evidentlys_script(written: Written) -> None:
    """It writes names into a script as they are, so it is handed names that are harmless there."""
    assert "</script><b>bold" not in written.html
    assert "?/script??b?bold (2)" in written.html  # two names that become one are kept apart
    assert "&lt;/script&gt;&lt;b&gt;bold" in written.html


def test_the_page_is_whole_in_itself(written: Written) -> None:
    """Nothing in it is loaded from elsewhere, and Evidently's script, font and plots are in it."""
    elsewhere = _Elsewhere()
    elsewhere.feed(written.html)
    assert elsewhere.found == []
    assert re.findall(r"url\((?!data:)[^)]*", "".join(elsewhere.styles)) == []
    assert "drawDashboard" in written.html
    assert "DATA DISTRIBUTION" in written.html
    assert written.html.count("</main>") == 1


def test_no_connection_is_tried(written: Written) -> None:
    """All that was refused is urllib3's look whether this machine knows IPv6, which sends nothing."""
    assert set(written.spied["refused"]) <= {"socket.__new__"}


def test_the_device_comes_first(written: Written) -> None:
    """The lowest priority for CPU and disk, the first to go when memory runs out, and a limit to what it takes."""
    assert written.spied["nice"] == 19
    assert (written.spied["ionice"], written.spied["oom"]) == (3, 1000)
    assert int(written.spied["data"]) == 1_024 << 20


def test_the_json_file_is_what_its_schema_says(written: Written) -> None:
    """It reads back into the record; times are RFC 3339 UTC, and the format has a number."""
    assert json.loads(msgspec.json.encode(written.document)) == written.raw
    assert (written.raw["format"], written.raw["generated"]) == (FORMAT, "2026-11-18T12:00:00Z")
    assert written.raw["driftline"]["findings"][0]["advice"] == "Look at the lamp & the shade."


def test_progress_is_told(written: Written) -> None:
    """Loading takes longest, and is named."""
    assert written.stages == ["loading Evidently", "comparing 7 columns", "writing"]


def test_a_job_with_nothing_to_compare_ends_in_a_sentence(tmp_path: Path) -> None:
    """The reason is passed on, and no file is written."""
    empty = np.full((40, 1), np.nan, np.float32)
    rows = Rows(current=empty, time_ns=np.arange(40), baseline=empty)
    write_job(tmp_path, make_job(signals=SIGNALS[:1]), rows)
    with pytest.raises(ReportError, match="no column has values both in the window and in what it is compared with"):
        run_child(tmp_path, child_command(tmp_path), 300.0, SystemClock(), lambda _stage: None)
    assert not (tmp_path / HTML).exists()
