from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.budget import AlarmsConfig
from agent.clock import ManualClock
from agent.model import DEVICE, Reading, Score, Signal, Stream, StreamChange
from agent.pipeline import Pipeline
from agent.series import SeriesParts
from agent.status import PartHealth, SeriesStatus
from tests.agent.fakes import STREAM, ListCollector, MemoryStore, PlainExplainer, block, factories

if TYPE_CHECKING:
    from agent.model import Block, Effect

OPENED = StreamChange(stream=STREAM, kind="opened", time_ns=0, source="ring-1")
HEAT = Signal("temperature cpu", "host", "continuous", "Cel")
CALM = [0.0] * 10


class CountingWatch:
    """Remembers what it was given; alarms in the periods in which a reading or a value was above 70."""

    def __init__(self, stream: Stream, alarms_per: float) -> None:
        self.stream, self.alarms_per = stream, alarms_per
        self.periods: list[tuple[int, float, bool]] = []  # items, seconds, whole
        self.items: list[Block | Reading] = []

    def take(self, item: Block | Reading) -> None:
        self.items.append(item)

    def close(self, time_ns: int, lasted_s: float, *, whole: bool) -> list[Score]:
        hot = any((item.value if isinstance(item, Reading) else item.values.max()) > 70 for item in self.items)
        self.periods.append((len(self.items), lasted_s, whole))
        self.items = []
        if not hot:
            return []
        return [
            Score(
                detector="series", stream=self.stream, signal=HEAT, time_ns=time_ns, row=0, value=9.0, threshold=8.0,
                onset_ns=time_ns - 30_000_000_000,
            )
        ]  # fmt: skip

    def series(self) -> tuple[SeriesStatus, ...]:
        return (SeriesStatus(signal=HEAT, evidence=0.5, value=71.0, usual=52.0),)

    def effects(self) -> tuple[Effect, ...]:
        return ()

    def state(self) -> bytes:
        return str(len(self.periods)).encode()

    def since(self) -> bytes:
        return b"+1"

    def restore(self, state: bytes, since: bytes) -> None:
        self.periods = [(0, 0.0, False)] * (int(state) + int(since or b"0"))


class BrokenWatch(CountingWatch):
    """Fails when it is asked to judge."""

    def close(self, time_ns: int, lasted_s: float, *, whole: bool) -> list[Score]:
        raise RuntimeError(f"cannot judge {lasted_s} s to {time_ns}, whole: {whole}")


class Agent:
    """A pipeline with watches, a clock and what its collector will say next."""

    def __init__(self, store: MemoryStore | None = None, device: type[CountingWatch] = CountingWatch) -> None:
        self.watches: dict[str, CountingWatch] = {}
        self.collector = ListCollector()
        self.clock = ManualClock()
        self.store = store or MemoryStore()
        self.explainer = PlainExplainer()

        def made(kind: type[CountingWatch], stream: Stream, alarms_per: float) -> CountingWatch:
            return self.watches.setdefault(stream.key, kind(stream, alarms_per))

        self.pipeline = Pipeline(
            collectors=[self.collector],
            store=self.store,
            explainer=self.explainer,
            factories=factories(),
            clock=self.clock,
            alarms=AlarmsConfig(),
            commit_seconds=5.0,
            series=SeriesParts(
                stream=lambda stream, alarms_per: made(CountingWatch, stream, alarms_per),
                device=lambda stream, alarms_per: made(device, stream, alarms_per),
                share=0.1,
            ),
        )

    def minute(self, *items: Block | Reading | StreamChange, seconds: float = 60.0) -> None:
        """Hand items over, and let a minute pass."""
        self.collector.rounds.append(list(items))
        self.pipeline.tick()
        self.clock.advance(seconds)

    def heat(self, value: float) -> Reading:
        """Measure a temperature now."""
        return Reading("hw.temperature", "Cel", value, self.clock.wall_ns())


def test_each_minute_is_judged_once_with_what_came_in_it() -> None:
    """Readings are the device's, blocks their stream's; a minute in which the stream came makes no point of it."""
    agent = Agent()
    agent.minute(OPENED, block(CALM), agent.heat(50))
    agent.minute(block(CALM, 10), agent.heat(51))
    agent.minute(block(CALM, 20))
    agent.minute()
    assert agent.watches[DEVICE.key].periods == [(2, 60.0, True), (0, 60.0, True), (0, 60.0, True)]
    assert agent.watches[STREAM.key].periods == [(2, 60.0, False), (1, 60.0, True), (0, 60.0, True)]


@pytest.mark.parametrize("kind", ["lost", "dropped", "closed"])
def test_a_minute_in_which_records_were_lost_makes_no_point(kind: str) -> None:
    """Throughput counts records: where some are missing, or the service went, there is a gap and not a fall."""
    agent = Agent()
    change = StreamChange(stream=STREAM, kind=kind, time_ns=0, source="ring-1", count=3)  # type: ignore[arg-type]
    for items in ([OPENED, block(CALM)], [block(CALM, 10)], [block(CALM, 20)], [block(CALM, 30), change], []):
        agent.minute(*items)
    assert [whole for *_, whole in agent.watches[STREAM.key].periods] == [False, True, False, kind != "closed"]


def test_a_sleep_of_the_machine_makes_no_point() -> None:
    """Records of five minutes in one are not a rise of the throughput."""
    agent = Agent()
    agent.minute(OPENED, block(CALM))
    agent.minute(block(CALM, 10), seconds=300)
    agent.minute(block(CALM, 20))
    agent.minute(block(CALM, 30))
    assert [whole for *_, whole in agent.watches[STREAM.key].periods] == [False, False, True]


def test_an_alarm_of_the_device_is_one_finding_that_closes() -> None:
    """It is about the device, lasts while the series alarms, and closes minutes after its last alarm."""
    agent = Agent()
    agent.minute(agent.heat(50))
    for _ in range(5):
        agent.minute(agent.heat(78))
    (finding,) = agent.pipeline.findings()
    assert (finding.stream, [s.name for s in finding.signals]) == (DEVICE, ["temperature cpu"])
    agent.minute(agent.heat(50))
    for _ in range(3):
        agent.minute(agent.heat(50))
    assert agent.pipeline.findings() == ()
    assert [f.state for f in agent.store.history] == ["open", "closed"]


def test_an_alarm_of_a_streams_series_is_explained_by_all_that_is_known_of_the_stream() -> None:
    """Its pace, and the host before and since: without them another cause could seem likelier than a minute ago."""
    agent = Agent()
    agent.minute(OPENED)
    for row in range(600, 3_000, 600):  # ten a second, for the first second of each minute
        agent.minute(agent.heat(50), block(CALM, row))
    agent.minute(agent.heat(55), *(block([99.0] * 10, row) for row in (3_000, 3_010, 3_020)))
    agent.minute()
    case = agent.explainer.cases[-1]
    assert case.stream == STREAM
    assert (case.pace_before is None, case.pace_now is None) == (False, False)
    assert ([r.value for r in case.host_before], [r.value for r in case.host_since]) == ([50], [55])


def test_another_trouble_hours_later_is_another_finding() -> None:
    """What befalls the device within half an hour is one episode, what comes later is another."""
    agent = Agent()
    for value in [50] * 2 + [78] * 2 + [50] * 60 + [78] * 3:
        agent.minute(agent.heat(value))
    assert len({finding.id for finding in agent.store.history}) == 2


def test_the_budget_follows_the_number_of_streams() -> None:
    """A stream's series get a tenth of its share of nine tenths; the device's get a tenth of the whole."""
    agent = Agent()
    other = Stream(model="other", pid=9)
    agent.minute(OPENED, block(CALM), StreamChange(stream=other, kind="opened", time_ns=0, source="ring-2"))
    agent.minute(block(CALM, 10), block(CALM, stream=other, source="ring-2"))
    agent.minute()
    minutes = 30 * 1440
    assert agent.watches[DEVICE.key].alarms_per == pytest.approx(minutes / 0.1)
    assert agent.watches[STREAM.key].alarms_per == pytest.approx(minutes / (0.9 * 0.1 / 2))
    assert agent.watches[other.key].alarms_per == pytest.approx(minutes / (0.9 * 0.1 / 2))


def test_states_survive_a_restart() -> None:
    """The watches of device and streams go on from what they saved at the end."""
    store = MemoryStore()
    agent = Agent(store)
    agent.minute(OPENED, block(CALM))
    agent.minute(block(CALM, 10))
    agent.minute()
    agent.pipeline.close()
    again = Agent(store)
    again.minute(OPENED, block(CALM, 20))
    assert [len(again.watches[key].periods) for key in (DEVICE.key, STREAM.key)] == [3, 3]


def test_after_a_kill_the_points_since_the_last_state_are_judged_again() -> None:
    """Whole states are kept hourly, what came since then every five minutes."""
    store = MemoryStore()
    agent = Agent(store)
    for minute in range(12):
        agent.minute(OPENED, block(CALM, 10 * minute))
    again = Agent(store)  # nobody closed the first
    whole, since = (store.states[DEVICE.key, part] for part in ("series", "series since"))
    assert (4 <= int(whole) <= 6, since) == (True, b"+1")
    assert len(again.watches[DEVICE.key].periods) == int(whole) + 1


def test_a_state_that_cannot_be_read_starts_anew_and_says_so() -> None:
    """The health names the part and why."""
    store = MemoryStore()
    store.put_state(DEVICE.key, "series", b"rubbish")
    health = {part.name: part.note for part in Agent(store).pipeline.health()}
    assert "started anew: the stored state could not be read" in health["this device series"]


def test_a_watch_that_fails_is_taken_out_and_named() -> None:
    """The streams' series go on."""
    agent = Agent(device=BrokenWatch)
    agent.minute(OPENED, block(CALM), agent.heat(50))
    agent.minute(block(CALM, 10), agent.heat(50))
    agent.minute()
    note = "RuntimeError: cannot judge 60.0 s to 60000000000, whole: True"
    assert PartHealth(name="this device series", ok=False, note=note) in agent.pipeline.health()
    assert len(agent.watches[STREAM.key].periods) == 2


def test_series_are_shown() -> None:
    """The device's stand in the status, a stream's in the stream's."""
    agent = Agent()
    agent.minute(OPENED, block(CALM))
    (device,), (stream,) = agent.pipeline.series(), agent.pipeline.streams()
    assert (device.signal, device.usual) == (HEAT, 52.0)
    assert stream.series == (device,)
