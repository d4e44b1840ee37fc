"""The only module that names concrete classes: reads the configuration and puts the agent's parts together."""

from __future__ import annotations

import dataclasses
import functools
import socket
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import msgspec

import detectors
from agent import __version__, buffer
from agent.budget import AlarmsConfig
from agent.buffer.asking import Asking
from agent.comeback import Comeback
from agent.config import find_config, read_config
from agent.confine import own_command
from agent.handover import Handover, hand_out
from agent.labels.config import LabelsConfig
from agent.labels.desk import LabelParts
from agent.outbound import Origin
from agent.panel import Factories, Needed
from agent.pipeline import Pipeline
from agent.series import SeriesParts
from agent.starts import Starts
from agent.steady import SteadyClock
from collectors.host import HostCollector, HostConfig
from collectors.labels import LabelCollector
from collectors.rings import RingCollector
from detectors.cause import CauseExplainer
from detectors.host_series import HostPoints
from detectors.recent import RecentRows
from detectors.reference import ReferenceConfig, ReferenceLearner, decode_reference
from detectors.river import RiverConfig, error_factories, river_factories
from detectors.series_watch import SeriesWatcher
from detectors.series_words import SeriesExplainer
from detectors.stream_series import StreamPoints
from detectors.training import fit_blocks, refit_reference, trained_learner
from exporters.bundle.config import BundleConfig
from exporters.bundle.making import Bundler
from exporters.forwarding.config import DestinationConfig, refuse_same_names
from exporters.forwarding.forwarder import Place
from exporters.forwarding.forwarding import Forwarding
from exporters.forwarding.kinds import EXPORTERS
from exporters.prometheus import PrometheusPage
from exporters.report.config import ReportConfig
from exporters.report.nightly import NightlyReport, NoNightlyReport
from exporters.scrape import ScrapeConfig, ScrapeServer, start_scrape

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from agent.clock import Clock, DeviceClock
    from agent.model import Block, Signal
    from agent.status import Status
    from exporters.forwarding.forwarder import Run

# Shares of a stream's alarm budget; what stands outside it (deterministic faults) has 0. With those below they leave a
# tenth to spare.
BUDGET_SHARES = {"shift": 0.5, "latency": 0.1, "accuracy": 0.1, "quality": 0.0, "errors": 0.0}
SERIES_SHARE = 0.1  # the series of a stream, beside its detectors
ERROR_BUDGET_SHARES = {"labels": 0.1}  # what judges its errors, where labels tell of them
FIRST_LABELS = 100_000  # labels that may come at once and be the first
BUSY_NS = 3_000_000_000  # how long somebody who reads the buffer of a stopped agent may hold up its start


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`driftline.toml`. Every key has a default; an empty file, or none, is a valid configuration."""

    site: str = ""
    device: str = ""  # empty: the host's name
    alarms: AlarmsConfig = AlarmsConfig()
    reference: ReferenceConfig = ReferenceConfig()
    buffer: buffer.BufferConfig = buffer.BufferConfig()
    host: HostConfig = HostConfig()
    scrape: ScrapeConfig = ScrapeConfig()
    report: ReportConfig = ReportConfig()
    river: tuple[RiverConfig, ...] = ()
    labels: LabelsConfig = LabelsConfig()
    destination: tuple[DestinationConfig, ...] = ()
    bundle: BundleConfig = BundleConfig()

    def __post_init__(self) -> None:
        refuse_same_names(self.destination)


class StateError(Exception):
    """The state directory cannot be used; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A built agent, ready to run."""

    clock: SteadyClock
    pipeline: Pipeline
    store: buffer.Buffer
    starts: Starts
    run_dir: Path
    state_dir: Path
    config_path: Path | None
    site: str
    device: str
    start_scrape: Callable[[Callable[[], Awaitable[Status | None]]], Awaitable[ScrapeServer | None]]
    watch_pids: Callable[[dict[int, str]], None]
    most_pause_s: float  # between two looks at what runs, by what is configured
    asking: Asking
    nightly: NightlyReport | NoNightlyReport
    make_forwarding: Callable[[Run], Forwarding]
    make_bundler: Callable[[Run], Bundler]
    comeback: Comeback


def load_config(chosen: str | None) -> tuple[Path | None, Config]:
    """Find and read the configuration. Raises ConfigError."""
    path = find_config(chosen)
    return path, Config() if path is None else read_config(path, Config)


def make_factories(config: Config) -> Factories:
    """Say how a monitor makes its parts; `driftline replay` judges with exactly these."""
    reference = config.reference

    def learner(signals: tuple[Signal, ...]) -> ReferenceLearner:
        return ReferenceLearner(signals, reference.rows, reference.seconds, reference.max_rows)

    def trained(signals: tuple[Signal, ...], training: bytes) -> ReferenceLearner:
        return trained_learner(training, signals, reference.rows, reference.seconds, reference.max_rows)

    def fit(signals: tuple[Signal, ...], blocks: Sequence[Block], training: bytes) -> tuple[detectors.Reference, bytes]:
        return fit_blocks(signals, blocks, training, reference.max_rows)

    return Factories(
        learner=learner,
        trained_learner=trained,
        decode_reference=decode_reference,
        refit_reference=refit_reference,
        fit=fit,
        needed=Needed(reference.rows, reference.seconds, reference.max_rows),
        recent=RecentRows,
        detectors={name: (detectors.FACTORIES[name], share) for name, share in BUDGET_SHARES.items()}
        | {name: (factory, 0.0) for name, factory in river_factories(config.river).items()},
    )


def make_error_factories(config: Config) -> Factories:
    """Say how the error stream of a labelled stream is learned and judged."""
    count = config.labels.reference_labels
    usual = make_factories(config)
    return dataclasses.replace(
        usual,
        learner=lambda signals: ReferenceLearner(signals, count, 0.0, max(count, FIRST_LABELS)),
        needed=Needed(count, 0.0, max(count, FIRST_LABELS)),
        detectors={name: (detectors.ERROR_FACTORIES[name], share) for name, share in ERROR_BUDGET_SHARES.items()}
        | {name: (factory, 0.0) for name, factory in error_factories(config.river).items()},
    )


def make_series() -> SeriesParts:
    """Say how the series of a stream and of the device are watched."""
    detector = detectors.make_series_detector
    return SeriesParts(
        stream=lambda stream, alarms_per: SeriesWatcher(stream, StreamPoints(), detector, alarms_per),
        device=lambda stream, alarms_per: SeriesWatcher(stream, HostPoints(), detector, alarms_per),
        share=SERIES_SHARE,
    )


def build(
    config: Config, state_dir: Path, run_dirs: Sequence[Path], config_path: Path | None, device: DeviceClock,
    handed: Handover = Handover(),  # noqa: B008  # it is not changed
) -> Parts:  # fmt: skip
    """Put the agent together; rings are looked for in all of `run_dirs`, the first is its own.

    handed: what an agent of before hands over.

    Raises StateError where another agent has the directory or a newer one wrote it.
    """
    clock = SteadyClock(device)
    store = _open_store(config.buffer, state_dir, run_dirs[0], clock)
    hand_out(handed, store)
    positions = handed.after(store.positions())
    origin = make_origin(config, store.outbox.instance)
    host = HostCollector(clock, interval_s=config.host.interval_seconds, state_dir=state_dir)
    pipeline = Pipeline(
        collectors=[
            LabelCollector(run_dirs, clock, positions),  # first: then the inferences of its labels follow it
            RingCollector(run_dirs, clock, positions),
            host,
        ],
        store=store,
        explainer=SeriesExplainer(CauseExplainer()),
        factories=make_factories(config),
        clock=clock,
        alarms=config.alarms,
        commit_seconds=config.buffer.commit_seconds,
        series=make_series(),
        labels=LabelParts(store.labels, store, make_error_factories(config), config.labels),
    )
    if store.dating.step is not None:
        pipeline.clock_watch.tell(store.dating.step)
        store.outbox.rebase(store.dating.step)
        pipeline.labels.rebase(store.dating.step)  # their stored states; what else is in memory was read corrected
    pipeline.saving.look(handed.repairs)  # what was met while the store was opened is told at once
    return Parts(
        clock=clock,
        pipeline=pipeline,
        store=store,
        starts=Starts(store, pipeline.history, clock, pipeline.guarded),
        run_dir=run_dirs[0],
        state_dir=state_dir,
        config_path=config_path,
        site=config.site,
        device=device_name(config),
        start_scrape=functools.partial(_start_scrape, config.scrape),
        watch_pids=host.watch_pids,
        most_pause_s=min(config.buffer.commit_seconds, config.host.interval_seconds),
        asking=Asking(store),
        nightly=_nightly(config.report, state_dir, run_dirs[0], config_path, pipeline, store, clock),
        make_forwarding=functools.partial(_forwarding, config, origin, pipeline, store, clock),
        make_bundler=functools.partial(_bundler, config, origin, store, state_dir, clock),
        comeback=Comeback(
            config.buffer, state_dir, clock, handed.failures + 1 if store.status().mode == "memory" else 0
        ),
    )


def _nightly(
    config: ReportConfig, state_dir: Path, run_dir: Path, config_path: Path | None, pipeline: Pipeline,
    store: buffer.Buffer, clock: Clock,
) -> NightlyReport | NoNightlyReport:  # fmt: skip
    """Set the nightly cross-check up: the command that anybody could type, on this agent."""
    if not config.nightly:
        return NoNightlyReport()
    folder = state_dir.absolute() / "reports"
    command = own_command("agent", "report", "--since", "24h", "--quiet", "--if-any")
    command += ["--run", str(run_dir.absolute()), "--out", str(folder)]
    command += ["--config", str(config_path.absolute())] if config_path else []
    return NightlyReport(config, command, folder, clock, pipeline.notice, store)


def make_origin(config: Config, instance: str) -> Origin:
    """Say who sends; `instance` names the state directory."""
    return Origin(site=config.site, device=device_name(config), version=__version__, instance=instance)


def device_name(config: Config) -> str:
    """Return what the device is called."""
    return config.device or socket.gethostname()


def _forwarding(
    config: Config, origin: Origin, pipeline: Pipeline, store: buffer.Buffer, clock: SteadyClock, run: Run
) -> Forwarding:
    """Set the ways to the destinations up; `run` runs a function in the pipeline's thread."""
    place = Place(
        outbox=store.outbox, run=run, notices=pipeline.notice, clock=clock, believed=lambda: clock.credible,
        random=Random(), origin=origin,  # noqa: S311  # spreads pauses, no secret
    )  # fmt: skip
    exporters = [(one, EXPORTERS[one.kind](one, origin)) for one in config.destination]
    return Forwarding(exporters, place, pipeline.notice)


def _bundler(
    config: Config, origin: Origin, store: buffer.Buffer, state_dir: Path, clock: SteadyClock, run: Run
) -> Bundler:
    """Set up what writes bundles; `run` runs a function in the pipeline's thread."""
    return Bundler(store.drafts, run, origin, config.bundle, state_dir, clock)


def _open_store(config: buffer.BufferConfig, state_dir: Path, run_dir: Path, clock: SteadyClock) -> buffer.Buffer:
    """Open the buffer; somebody who reads it (`driftline query --state`) is waited for, another agent is not."""
    deadline = clock.monotonic_ns() + BUSY_NS
    while True:
        try:
            return buffer.open_buffer(state_dir, clock, config, run_dir)
        except buffer.SchemaTooNewError as error:
            raise StateError(str(error)) from error
        except buffer.BufferBusyError as error:
            if clock.monotonic_ns() > deadline:
                raise StateError(str(error)) from error
            clock.sleep(0.1)


async def _start_scrape(config: ScrapeConfig, snapshot: Callable[[], Awaitable[Status | None]]) -> ScrapeServer | None:
    if not config.enabled:
        return None
    return await start_scrape(PrometheusPage(), snapshot, config.host, config.port)
