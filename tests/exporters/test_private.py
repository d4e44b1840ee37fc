from msgspec import structs

from agent.model import Cause, SignalEvidence
from agent.outbound import FindingChange
from exporters.private import without_values
from tests.exporters.windows import make_change


def about(detector: str, role: str, sentence: str) -> FindingChange:
    """Return a finding about one signal, with a value in its words."""
    signal = SignalEvidence(
        name="income", role=role, detector=detector, value=9.0, threshold=5.0, reference_mean=300.25, recent_mean=41.5,  # type: ignore[arg-type]
    )  # fmt: skip
    change = make_change()
    causes = (Cause("sensor", "sensor of income stuck", 0.8, "stuck at 271.547"),)
    return structs.replace(
        change, finding=structs.replace(change.finding, sentence=sentence, signals=(signal,), causes=causes)
    )


def test_a_finding_about_inputs_is_told_by_their_means() -> None:
    """Its words on the device may name a value that repeats."""
    told = without_values(about("shift", "input", "income is 93,188 in 29 % of rows; most likely: x.")).finding
    assert told.sentence == "mean of income is 41.5, was 300.2; most likely: sensor of income stuck."
    assert told.causes[0].evidence == ""


def test_a_finding_about_the_quality_of_values_names_none() -> None:
    """The mean of what is stuck is what it is stuck at."""
    told = without_values(about("quality", "output", "income stuck at 271.547 for 200 inferences.")).finding
    assert told.sentence == "income has changed; most likely: sensor of income stuck."
    assert (told.signals[0].reference_mean, told.signals[0].recent_mean) == (None, None)


def test_a_finding_about_the_device_is_told_as_it_is() -> None:
    """Latencies and temperatures are no inputs."""
    change = about("latency", "runtime", "Inferences have become slow (60 ms, was 20 ms).")
    assert without_values(change).finding.sentence == change.finding.sentence
