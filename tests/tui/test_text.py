from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.model import Reading
from agent.status import WearStatus
from tests.tui.fake_cases import CASES, fouled, fouling, learning, slow
from tui.finding_lines import page_lines
from tui.graphs import ascii_text
from tui.host import host_lines
from tui.spans import cell_width, plain
from tui.stream_lines import signals_lines
from tui.text import render_findings, render_line, render_status

GOLDEN = Path(__file__).parents[1] / "golden" / "status"


@pytest.mark.parametrize("case", ["fouled", "learning", "empty", "slow", "hostile", "full_disk", "read_only"])
def test_status_in_plain_text(case: str) -> None:
    """`driftline status` renders each case as the golden file has it."""
    assert render_status(CASES[case]()) + "\n" == (GOLDEN / f"{case}.txt").read_text()


@pytest.mark.parametrize("case", [c for c in CASES if c != "many"])
@pytest.mark.parametrize("width", [60, 80, 110, 160])
def test_no_line_is_wider_than_asked_for(case: str, width: int) -> None:
    """Every case fits every width."""
    for line in render_status(CASES[case](), width).split("\n"):
        assert cell_width(line) <= width, line


def test_thinning_is_told_once_in_text_and_on_the_screen() -> None:
    """What is kept, and which budget asked for it, in both."""
    status, why = fouled(), "a tenth of the sampled rows is kept: what is written would pass 268 MB a day"
    wear = WearStatus(written_bytes=250 << 20, limit_bytes=256 << 20, thinning=1, why=why)
    status = replace(status, buffer=replace(status.buffer, wear=wear))
    shown = "\n".join(plain(line) for line in host_lines(status, 160))
    assert (render_status(status, 160).count(why), shown.count(why)) == (1, 1)


def test_budgets_the_level_of_thinning_and_the_life_of_the_storage_are_told() -> None:
    """How much was written and kept of how much, how far rows are thinned since when, and what the storage reports."""
    status, why = fouled(), "no rows are kept outside findings and learning: what is written would pass 268 MB a day"
    wear = WearStatus(
        written_bytes=250 << 20, limit_bytes=256 << 20, thinning=2, why=why, since=status.time - timedelta(hours=1)
    )
    life = Reading("hw.physical_disk.endurance_utilization", "1", 0.3, 0, (("sensor", "mmcblk0 mlc"),))
    thinned = replace(status, buffer=replace(status.buffer, wear=wear), host=(*status.host, life))
    lines = render_status(thinned, 160).split("\n")
    assert "written 262 MB of 268 MB in the last 24 h" in lines
    assert f"thinned {why} (level 2, since 13:03:22)" in lines
    assert any("storage 30% or more of its life left (mmcblk0 mlc)" in line for line in lines)
    assert not any("not reported" in line for line in lines)
    unknown = replace(wear, written_bytes=None, thinning=0, why="", since=None, level="rows are kept as configured")
    lines = render_status(replace(status, buffer=replace(status.buffer, wear=unknown)), 160).split("\n")
    assert "written an unknown amount of 268 MB in the last 24 h" in lines
    assert "level   rows are kept as configured" in lines
    assert "storage life: not reported" in lines


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("full_disk", "WARNING  cam-07, site waterworks-3: DISK FULL, rows not stored since 13:22:22, 1 stream"),
        ("read_only", "CRITICAL  cam-07, site waterworks-3: DISK READ-ONLY, nothing stored since 13:22:22, 1"),
    ],
)
def test_the_first_line_says_first_that_nothing_is_stored(case: str, said: str) -> None:
    """A disk that takes nothing is in the first line, before how many streams there are, and in the line of a log."""
    status = CASES[case]()
    assert render_status(status, 160).split("\n")[0].startswith(said)
    assert status.findings[0].sentence in render_line(status)
    buffer = replace(status.buffer, trouble=None, mode="memory")
    first = render_status(replace(status, buffer=buffer), 160).split("\n")[0]
    assert "nothing is kept over a restart" in first


def test_one_line_for_a_log() -> None:
    """The short form says state, rate, latency and what is found, in one line."""
    assert render_line(slow()) == (
        "14:03:22  WARNING | meter-reader 98/s p50 11 ms p99 180 ms series: latency"
        " | WARNING: Each inference takes 11 ms, three times as long as when it was learned."
    )
    assert "learning 340 of 1,000" in render_line(learning())


def test_findings_carry_what_a_technician_needs() -> None:
    """Sentence, since when, ranked causes, advice; none is said where there is none."""
    text = render_findings([fouling("acknowledged")])
    for expected in (
        "CRITICAL, seen",
        "since 14:01:08",
        "dirty or fogged lens (78%)",
        "clean the lens",
        "lens ordered",
    ):
        assert expected in " ".join(text.split())
    assert render_findings([]) == "no open findings"


def test_an_effect_is_said_with_what_of_it_is_noise() -> None:
    """The size of the largest effect stands beside what stationary data would show, in text and on the page."""
    expected = "sharpness: PSI 3.10 (up to 0.05 is noise), KS 0.98 (up to 0.07)"
    assert expected in " ".join(render_findings([fouling()]).split())
    page = [plain(line) for line in page_lines(fouling(), fouled().time, 100)]
    assert any(expected in line for line in page)
    table = [plain(line) for line in signals_lines(fouled().streams[0], frozenset(), 100)]
    assert table[0].split()[-4:] == ["PSI", "noise", "KS", "noise"]
    assert next(line for line in table if "sharpness" in line).split()[-4:] == ["3.10", "0.05", "0.98", "0.07"]


def test_ascii_form_loses_no_word() -> None:
    """Output that knows no Unicode still says everything, line for line."""
    text = render_status(fouled())
    plain = ascii_text(text)
    assert plain.isascii()
    assert [len(line) >= cell_width(line) - 3 for line in plain.split("\n")]
    for expected in ("CRITICAL", "41 us", "####", "61  C"):
        assert expected.replace("  ", " ") in plain.replace("  ", " ")
