from __future__ import annotations

from datetime import timedelta

import msgspec

from exporters.report.agreement import compare, findings_by_signal, verdict
from exporters.report.document import Baseline, Window
from tests.exporters.report.report_case import (
    END,
    ROWS,
    START,
    make_column,
    make_finding,
    make_job,
    make_opinion,
    make_rows,
)

QUIET = make_column("contrast", drifted=False, distance=0.02)


def test_both_see_nothing() -> None:
    """No column and no finding is agreement, and there is nothing to explain."""
    agreement = compare(make_job(), make_rows(), make_opinion(QUIET))
    assert (agreement.verdict, agreement.material, agreement.reasons) == ("agree", False, ())
    assert agreement.sentence == "Evidently: 0 of 1 columns drifted; Driftline: no finding. They agree."


def test_both_see_the_same_column() -> None:
    """One column in common is agreement."""
    found = make_column("brightness", drifted=True, findings=("f1",))
    agreement = compare(make_job(make_finding("brightness")), make_rows(), make_opinion(found, QUIET))
    assert (agreement.verdict, agreement.both) == ("agree", ("brightness",))
    assert agreement.sentence == "Evidently: 1 of 2 columns drifted; Driftline: 1 finding about brightness. They agree."


def test_a_small_drift_without_a_finding_is_a_disagreement_that_is_explained() -> None:
    """The count, the chance of a false call, the dependence of rows and the size of the effect are said in figures."""
    small = make_column("brightness", drifted=True, distance=0.06)
    job = make_job(independent_rows={"brightness": 640})
    agreement = compare(job, make_rows(), make_opinion(small, QUIET))
    assert (agreement.verdict, agreement.material, agreement.evidently_only) == ("disagree", False, ("brightness",))
    assert agreement.sentence == "Evidently: 1 of 2 columns drifted; Driftline: no finding. They disagree."
    reasons = "\n".join(agreement.reasons)
    assert "tests 2 columns at p < 0.05 each: where nothing has changed it calls 0.1 of them drifted" in reasons
    assert "brightness (640 rows)" in reasons
    assert "brightness (0.06)" in reasons


def test_rows_that_were_thinned_far_enough_are_not_called_dependent() -> None:
    """Every hundredth row was compared, and a tenth of that distance makes rows independent."""
    job = make_job(independent_rows={"brightness": 64})
    agreement = compare(job, make_rows(), make_opinion(make_column("brightness", drifted=True)))
    assert "independent" not in "\n".join(agreement.reasons)


def test_a_large_drift_without_a_finding_is_material() -> None:
    """It is said that Driftline may have missed it."""
    agreement = compare(make_job(), make_rows(), make_opinion(make_column("brightness", drifted=True, distance=0.4)))
    assert (agreement.verdict, agreement.material) == ("disagree", True)
    assert "a change that Driftline has missed" in agreement.reasons[-1]


def test_a_latency_that_moved_is_not_material() -> None:
    """It follows whatever else the device does; Driftline asks whether it became slower."""
    latency = msgspec.structs.replace(make_column("latency", drifted=True, distance=0.4), role="runtime")
    agreement = compare(make_job(), make_rows(), make_opinion(latency, QUIET))
    assert (agreement.verdict, agreement.material) == ("disagree", False)
    assert agreement.reasons[-1].startswith("latency: Driftline asks whether the service has become slower")


def test_a_change_at_the_end_of_the_window_is_explained_by_its_share() -> None:
    """Evidently judges the window as a whole; a finding of its last hour need not be material."""
    finding = make_finding("brightness", onset=END - timedelta(hours=1))
    missed = make_column("brightness", drifted=False, distance=0.01, findings=("f1",))
    agreement = compare(make_job(finding), make_rows(), make_opinion(missed, QUIET))
    assert (agreement.verdict, agreement.material, agreement.driftline_only) == ("disagree", False, ("brightness",))
    assert "began at 2026-11-18T11:00:00Z: 4% of the compared rows" in agreement.reasons[0]


def test_a_finding_of_the_whole_window_that_evidently_does_not_see_is_material() -> None:
    """It is small, or one of the two is wrong: somebody should look."""
    missed = make_column("brightness", drifted=False, distance=0.03, findings=("f1",))
    agreement = compare(make_job(make_finding("brightness")), make_rows(), make_opinion(missed))
    assert (agreement.verdict, agreement.material) == ("disagree", True)
    assert f"Evidently saw {ROWS} of 120000 rows" in "\n".join(agreement.reasons)


def test_what_evidently_was_not_asked_about_is_no_disagreement() -> None:
    """A slow service is a finding that no column can show."""
    job = make_job(make_finding("latency", kind="slow"))
    agreement = compare(job, make_rows(), make_opinion(QUIET))
    assert (agreement.verdict, agreement.driftline_only) == ("agree", ())
    assert agreement.reasons == ("1 of Driftline's findings concerns what Evidently was not asked about (slow).",)


def test_an_earlier_window_is_named_as_a_reason() -> None:
    """Driftline compares with the reference, the report with something else."""
    window = Window(start=START, end=END, stored=10, compared=10)
    job = make_job(baseline=Baseline(kind="window", compared=10, window=window))
    agreement = compare(job, make_rows(), make_opinion(make_column("brightness", drifted=True)))
    assert any("an earlier window" in reason for reason in agreement.reasons)


def test_the_worst_finding_comes_first() -> None:
    """The verdict counts findings and those that are still open."""
    closed = make_finding("contrast", id="f2", severity="info", state="closed", closed=END)
    said = verdict(make_job(closed, make_finding("brightness", severity="critical")))
    assert [finding.id for finding in said.findings] == ["f1", "f2"]
    assert said.sentence == "Driftline: 2 findings, 1 still open."
    assert findings_by_signal(said.findings) == {"brightness": ("f1",), "contrast": ("f2",)}
