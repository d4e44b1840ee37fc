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


def waits(cores: float, labels: tuple[tuple[str, str], ...] = OWN) -> Reading:
    """A process's threads wait for a core so many seconds a second."""
    return Reading("process.cpu.wait", "1", cores, 1, labels)


SIBLING = (("pid", "79"), ("model", "meter-reader"))
# Of the 4 ms that an inference took, 40 of them a second, all was computed by the service itself.
COMPUTING = used(0.16)
CALM = waits(0.0)


@pytest.mark.parametrize(
    ("since", "before", "slower", "pace", "kind"),
    [
        pytest.param((COMPUTING, waits(0.48)), (COMPUTING, CALM), 4.0, 40.0, "load", id="it waits"),
        pytest.param((COMPUTING, waits(0.08)), (COMPUTING, CALM), 10.0, 40.0, "device", id="it hardly waits"),
        pytest.param((COMPUTING, CALM), (COMPUTING, CALM), 4.0, 40.0, "device", id="it never waits"),
        pytest.param((COMPUTING, CALM), (COMPUTING, CALM), 2.0, 40.0, "load", id="what is shared may be all"),
        pytest.param((COMPUTING, waits(0.48)), (COMPUTING, waits(0.40)), 10.0, 40.0, "device", id="it always waited"),
        pytest.param((COMPUTING, waits(0.48)), (), 4.0, 40.0, "load", id="what it waited before is not known"),
        pytest.param((COMPUTING,), (COMPUTING,), 10.0, 40.0, "load", id="a kernel that does not count"),
        pytest.param((COMPUTING, waits(0.08)), (), 10.0, None, "load", id="how many inferences share it is not known"),
        pytest.param((used(0.64), CALM), (COMPUTING, CALM), 4.0, 40.0, "device", id="it computes more itself"),
        pytest.param((used(0.04), waits(0.02)), (), 10.0, 40.0, "load", id="something else computes"),
        pytest.param((used(0.01), waits(0.005)), (), 10.0, 10.0, "load", id="inferences wait for one another"),
        pytest.param((used(0.004), CALM), (), 10.0, 1.0, "load", id="too little to be counted"),
        pytest.param(
            (COMPUTING, waits(0.08), used(0.48, SIBLING), waits(0.24, SIBLING)), (), 10.0, 160.0, "device",
            id="workers of one model",
        ),
        pytest.param(
            (COMPUTING, waits(0.08), used(0.48, SIBLING)), (), 10.0, 160.0, "load", id="of one worker it is not known"
        ),
        pytest.param(
            (COMPUTING, used(0.5, FOREIGN), waits(0.0, FOREIGN)), (), 10.0, 40.0, "load", id="only of another service"
        ),
    ],
)  # fmt: skip
def test_other_programs_explain_no_more_than_what_the_service_waits(
    since: tuple[Reading, ...], before: tuple[Reading, ...], slower: float, pace: float | None, kind: str
) -> None:
    """Where they cannot have made it so slow, however busy they are, it is the service; that they are is still said."""
    machine = busy(0.97), CORES
    said = explain(
        *machine, *since, since=(*machine, *since), before=(busy(0.2), CORES, *before), slower=slower, pace=(None, pace)
    )
    assert said.causes[0].kind == kind
    (load,) = (cause.evidence for cause in said.causes if cause.kind == "load")
    assert ("times slower at most" in load) == (kind == "device")


def test_what_a_service_waits_is_of_the_whole_time_since_the_onset() -> None:
    """The newest reading of one that works in bursts is of a rest, or of a burst."""
    machine = busy(0.97), CORES
    for newest in ((used(0.0), CALM), (used(1.0), waits(0.01))):
        said = explain(*machine, *newest, since=(COMPUTING, waits(0.48)), slower=4.0, pace=(40.0, 40.0))
        assert said.causes[0].kind == "load"


@pytest.mark.parametrize(("slower", "severity"), [(1.5, "warning"), (4.0, "warning"), (6.0, "critical")])
def test_slowness_is_judged_by_its_factor(slower: float, severity: str) -> None:
    """Five times the usual latency is critical, whatever slowed it."""
    assert explain(busy(0.97), slower=slower).severity == severity
