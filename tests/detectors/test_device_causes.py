"""Slowness: which reading of the host explains it, and which was as bad before."""

from __future__ import annotations

import msgspec
import pytest

from agent.model import Effect, Reading, Score, Signal, Stream
from agent.ports import Case, Explanation
from detectors.cause import CauseExplainer

STREAM = Stream(model="meter-reader", sha256="ab" * 32, pid=77)
LATENCY = Signal("latency", "runtime", "continuous", "s")
USED, OWN = (("state", "used"),), (("pid", "77"), ("model", "meter-reader"))
FOREIGN = (("pid", "78"), ("model", "other"))


def busy(share: float) -> Reading:
    """All cores together."""
    return Reading("system.cpu.utilization", "1", share, 1)


def used(cores: float, labels: tuple[tuple[str, str], ...] = OWN) -> Reading:
    """One process, of one core."""
    return Reading("process.cpu.utilization", "1", cores, 1, labels)


CORES = Reading("system.cpu.logical.count", "{cpu}", 4.0, 1)
HOT = Reading("hw.temperature", "Cel", 91.0, 1, (("sensor", "cpu"),))


def explain(
    *host: Reading,
    before: tuple[Reading, ...] = (),
    since: tuple[Reading, ...] = (),
    slower: float = 3.0,
    pace: tuple[float | None, float | None] = (None, None),
) -> Explanation:
    """Explain slow inferences on a host with these readings."""
    effect = Effect(
        signal=LATENCY, psi=9, ks=1, wasserstein=50, reference_mean=0.004, recent_mean=0.004 * slower, rows=500
    )
    slow = Score(
        detector="latency", stream=STREAM, signal=LATENCY, time_ns=1, row=9, value=15, threshold=13, detail="12 ms"
    )
    return CauseExplainer().explain(
        Case(
            stream=STREAM,
            scores=(slow,),
            effects=(effect,),
            host=host,
            changes=(),
            host_before=before,
            host_since=since,
            pace_before=pace[0],
            pace_now=pace[1],
        )
    )


@pytest.mark.parametrize(
    ("readings", "kind", "words"),
    [
        ((busy(0.97),), "load", "other programs"),
        ((busy(0.97), CORES, used(0.4)), "load", "other programs"),
        ((busy(0.97), CORES, used(0.4), used(3.0, FOREIGN)), "load", "other programs"),
        ((busy(0.99), CORES, used(3.8)), "device", "service itself takes all"),
        ((HOT,), "device", "too hot"),
        ((Reading("system.memory.utilization", "1", 0.97, 1, USED),), "device", "short of memory"),
        ((Reading("system.paging.utilization", "1", 0.8, 1),), "device", "short of memory"),
        ((Reading("system.memory.utilization", "1", 0.97, 1, (("state", "free"),)),), "device", "service itself"),
        ((Reading("system.cpu.throttled", "1", 1.0, 1),), "device", "slowed down by its own protection"),
        ((Reading("system.cpu.throttled", "1", 0.0, 1),), "device", "service itself"),
        ((busy(0.2),), "device", "service itself"),
    ],
)
def test_the_host_explains_slowness(readings: tuple[Reading, ...], kind: str, words: str) -> None:
    """Heat, lack of memory and what *other* programs take come before the service itself, where they are seen."""
    said = explain(*readings)
    assert (said.kind, said.causes[0].kind) == ("slow", kind)
    assert words in said.causes[0].name
    assert said.causes[0].name in said.sentence


@pytest.mark.parametrize(
    "reading",
    [busy(0.97), HOT, Reading("system.memory.utilization", "1", 0.97, 1, USED),
     Reading("system.cpu.throttled", "1", 1.0, 1)],
)  # fmt: skip
def test_what_was_so_before_explains_nothing(reading: Reading) -> None:
    """A device that is always hot, busy or full has not become slow by it; one that just became so has."""
    assert "service itself" in explain(reading, before=(reading,)).causes[0].name
    calm = msgspec.structs.replace(reading, value=reading.value / 2)
    assert "service itself" not in explain(reading, before=(calm,)).causes[0].name


@pytest.mark.parametrize(
    ("pace", "kind"),
    [((40.0, 100.0), "load"), ((100.0, 100.0), "device"), ((100.0, 40.0), "device"), ((None, 100.0), "device")],
)
def test_more_inferences_are_load(pace: tuple[float | None, float | None], kind: str) -> None:
    """A service of which far more is asked than before the onset is not itself to blame."""
    assert explain(busy(0.5), pace=pace).causes[0].kind == kind


def held_up(times: float, labels: tuple[tuple[str, str], ...] = OWN) -> Reading:
    """A process's work takes so many times as long for want of a core."""
    return Reading("process.cpu.slowdown", "1", times, 1, labels)


SIBLING = (("pid", "79"), ("model", "meter-reader"))
# Of the 4 ms that an inference took, 20 of them a second, all was computed by the service itself.
COMPUTING = used(0.08)


@pytest.mark.parametrize(
    ("since", "slower", "pace", "kind"),
    [
        pytest.param((COMPUTING, held_up(4.0)), 5.0, 20.0, "load", id="it waits"),
        pytest.param((COMPUTING, held_up(1.2)), 10.0, 20.0, "device", id="it hardly waits"),
        pytest.param((COMPUTING, held_up(1.0)), 5.0, 20.0, "device", id="it never waits"),
        pytest.param((COMPUTING, held_up(1.0)), 2.0, 20.0, "load", id="what is shared may be all"),
        pytest.param((used(0.4), held_up(1.0)), 5.0, 20.0, "device", id="it computes more itself"),
        pytest.param((COMPUTING,), 10.0, 20.0, "load", id="a kernel that does not count"),
        pytest.param((COMPUTING, held_up(1.2)), 10.0, None, "load", id="how many inferences share it is not known"),
        pytest.param((used(0.03), held_up(1.2)), 10.0, 20.0, "load", id="something else computes"),
        pytest.param((used(0.2), held_up(1.2)), 10.0, 50.0, "load", id="inferences wait for one another"),
        pytest.param(
            (COMPUTING, used(0.08, SIBLING), held_up(1.2), held_up(1.1, SIBLING)), 10.0, 40.0, "device",
            id="two workers, neither held up",
        ),
        pytest.param(
            (COMPUTING, used(0.08, SIBLING), held_up(1.2), held_up(8.0, SIBLING)), 10.0, 40.0, "load",
            id="two workers, one held up",
        ),
        pytest.param((COMPUTING, held_up(1.0, FOREIGN)), 10.0, 20.0, "load", id="only another service is measured"),
    ],
)  # fmt: skip
def test_other_programs_explain_no_more_than_what_the_service_waits(
    since: tuple[Reading, ...], slower: float, pace: float | None, kind: str
) -> None:
    """Where they cannot have made it so slow, however busy they are, it is the service; that they are is still said."""
    said = explain(busy(0.97), CORES, *since, since=since, before=(busy(0.2), CORES), slower=slower, pace=(None, pace))
    assert said.causes[0].kind == kind
    (load,) = (cause.evidence for cause in said.causes if cause.kind == "load")
    assert ("prolongs the service's work" in load) == (kind == "device")


def test_nothing_is_concluded_from_what_was_measured_before_the_onset() -> None:
    """Of a finding that opens at once nothing is known yet of what the service waits."""
    newest = COMPUTING, held_up(1.0)
    assert explain(busy(0.97), CORES, *newest, slower=10.0, pace=(20.0, 20.0)).causes[0].kind == "load"


@pytest.mark.parametrize(("longer", "kind"), [(8.0, "load"), (1.2, "device")])
def test_a_machine_that_was_busy_before_can_still_hold_a_service_up(longer: float, kind: str) -> None:
    """All cores were taken already: that more programs want them now shows in what the service waits."""
    since = COMPUTING, held_up(longer)
    before = busy(0.97), CORES, COMPUTING, held_up(1.0)
    said = explain(busy(0.97), CORES, *since, since=since, before=before, slower=8.0, pace=(20.0, 20.0))
    assert said.causes[0].kind == kind


def test_what_others_take_is_neither_less_than_nothing_nor_more_than_is_known() -> None:
    """A service that took more than all that was busy; and one that is not measured, as in another container."""
    (load, _) = explain(busy(0.97), CORES, used(0.4), before=(busy(0.1), CORES, used(1.6))).causes
    assert load.evidence == "processor 97 % busy, 87 % by other programs, was 0 %"
    (load, _) = explain(busy(0.97), CORES, before=(busy(0.1), CORES)).causes
    assert "by other programs, or the service, which is not measured, was 10 %" in load.evidence


def test_a_service_that_was_just_started_anew_is_measured_by_what_it_took_since() -> None:
    """In the first round nothing is known of a new process; it is no other program for that."""
    said = explain(busy(0.97), CORES, since=(CORES, used(3.6)))
    assert "service itself takes all" in said.causes[0].name


@pytest.mark.parametrize(("slower", "severity"), [(1.5, "warning"), (4.0, "warning"), (6.0, "critical")])
def test_slowness_is_judged_by_its_factor(slower: float, severity: str) -> None:
    """Five times the usual latency is critical, whatever slowed it."""
    assert explain(busy(0.97), slower=slower).severity == severity
