from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from exporters.report.agreement import compare, verdict
from exporters.report.document import Keeping, ReportDocument
from exporters.report.page import write_page
from tests.exporters.report.report_case import END, START, make_column, make_finding, make_job, make_opinion, make_rows

if TYPE_CHECKING:
    from exporters.report.job import Job

THEIRS = "<!DOCTYPE html><html><head><style>theirs{}</style></head><body><p>their plots</p></body></html>"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002  # the parser's interface
        self.tags.append(tag)


def page(job: Job, *findings: str) -> str:
    """The page of a job, with a column that Evidently calls drifted."""
    opinion = make_opinion(make_column("<script>alert(1)</script>", drifted=True, findings=findings))
    document = ReportDocument(
        generated=END, driftline_version="0.1.0", site=job.site, device=job.device, stream=job.stream, key=job.key,
        window=job.window, baseline=job.baseline, storage=job.storage, unread=job.unread, keeping=job.keeping,
        driftline=verdict(job), evidently=opinion, agreement=compare(job, make_rows(), opinion),
    )  # fmt: skip
    return write_page(document, THEIRS)


def test_a_disk_that_was_full_is_said_beside_the_verdict() -> None:
    """From when until when inferences may be missing, and what to do, before any figure of what was compared."""
    full = make_finding("none", kind="disk", sentence="The disk is full.", advice="Free room.", signals=())
    ended = make_finding("none", kind="disk", sentence="The disk <fails>.", closed=END, state="closed", signals=())
    said = (
        "The disk is full.</h3><p>From 2026-11-17T12:00:00Z and goes on: inferences of then may be missing here. Free"
    )
    text = page(make_job(storage=(full, ended)))
    before = text[: text.index("What Driftline found")]
    assert said in before
    assert "The disk &lt;fails&gt;.</h3><p>From 2026-11-17T12:00:00Z until 2026-11-18T12:00:00Z: inferences" in before


def test_what_could_not_be_read_is_said_beside_the_verdict() -> None:
    """Each file, before any figure of what was compared."""
    text = page(make_job(unread=("000001.duckdb cannot be read: <why>",)))
    before = text[: text.index("What Driftline found")]
    assert "Not all that is stored could be read." in before
    assert "<li>000001.duckdb cannot be read: &lt;why&gt;</li>" in before
    assert "could be read" not in page(make_job())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "<dt>kept</dt><dd>234 MB of 1.07 GB</dd>"),
        ({}, "<dt>written in 24 h</dt><dd>105 MB of 268 MB</dd>"),
        ({"written": None}, "<dt>written in 24 h</dt><dd>unknown of 268 MB</dd>"),
        ({}, "<dt>rows</dt><dd>a tenth is kept, since 2026-11-17T12:00:00Z</dd>"),
        ({"since": None}, "<dt>rows</dt><dd>a tenth is kept</dd>"),
        ({}, "<dt>storage</dt><dd>life not reported</dd>"),
        ({"life": 0.3}, "<dt>storage</dt><dd>30% or more of its life left</dd>"),
        ({"life": 0.0}, "<dt>storage</dt><dd>less than 10% of its life left</dd>"),
    ],
)
def test_what_the_device_keeps_and_writes_is_told(changes: dict[str, Any], said: str) -> None:
    """Of how much, how far rows are thinned since when, and what the storage says of itself."""
    keeping = Keeping(
        kept=234_000_000, kept_limit=1 << 30, written=105_000_000, written_limit=1 << 28, thinned="a tenth is kept",
        since=START,
    )  # fmt: skip
    assert said in page(make_job(keeping=msgspec.structs.replace(keeping, **changes)))


def test_driftlines_own_part_comes_first_and_says_what_a_technician_needs() -> None:
    """Where, which window, what happened, since when, why, what to do; then Evidently's page."""
    text = page(make_job(make_finding("brightness", closed=END, state="closed", note="bulb changed")))
    ours, _, theirs = text.partition("</main>")
    for said in (
        "plant-7", "camera-3", "meter-reader", "2026-11-17T12:00:00Z to 2026-11-18T12:00:00Z", "1,200 rows of 120,000",
        "3 more failed", "800 of the 20,000 rows",
        "2026-11-17T12:00:00Z (estimated)", "2026-11-17T12:01:00Z, 60 s later",
        "2026-11-18T12:00:00Z", "most likely: &lt;the lamp&gt;", "Look at the lamp &amp; the shade.", "70 %",
        "brightness 1.0 higher", "bulb changed", "Driftline: 1 finding, none still open.",
    ):  # fmt: skip
        assert said in ours, said
    assert "their plots" in theirs
    assert "theirs{}" in ours


def test_a_page_without_a_finding_says_so_and_shows_the_disagreement() -> None:
    """In the box at the top, and with its reasons below."""
    text = page(make_job())
    assert "No finding of this stream was open in the window." in text
    assert text.count("Evidently: 1 of 1 columns drifted; Driftline: no finding. They disagree.") == 2
    assert "what may explain it" in text


def test_text_of_others_stays_text() -> None:
    """Names of sites, models, signals and causes are written as they are, and become no tag."""
    text = page(make_job(make_finding("<img src=x>"), site='"><iframe>', device="<svg onload=x>"))
    tags = _Tags()
    tags.feed(text)
    assert set(tags.tags) & {"script", "img", "iframe", "svg"} == set()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_the_browser_is_forbidden_to_load_anything() -> None:
    """Whatever a library put into the page, nothing is fetched when it is opened."""
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page(make_job()))
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; ")
    assert "http" not in policy[1]


def test_a_page_of_another_form_is_refused() -> None:
    """Another version of Evidently may write another page: it is not cut up blindly."""
    job = make_job()
    opinion = make_opinion(make_column("a", drifted=False))
    document = ReportDocument(
        generated=END, driftline_version="0", site="", device="", stream=job.stream, key=job.key, window=job.window,
        baseline=job.baseline, driftline=verdict(job), evidently=opinion, agreement=compare(job, make_rows(), opinion),
    )  # fmt: skip
    with pytest.raises(ValueError, match="not of the form"):
        write_page(document, "<p>something else</p>")
