"""What `driftline baseline` asks for, carried out on the monitors and the buffer, in the pipeline's thread.

Everything that changes a reference is durable before it is answered, has a line in the device's history that names who
asked, and closes the findings that compared with the old reference: their history stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.baseline_file import Header, decode_file, encode_file
from agent.baselines import Baseline, BaselineChange, BaselineError, resolve
from agent.panel import aligned
from agent.saved import REFERENCE, ROWS, StreamStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agent.baselines import Origin
    from agent.clock import Clock
    from agent.events import Events
    from agent.findings import FindingBook
    from agent.model import Block, Finding, Stream
    from agent.monitor import StreamMonitor
    from agent.panel import Factories
    from agent.ports import Reference, Store


class BaselineKeeper:
    """Shows, replaces and carries the references of all streams.

    Parameters
    ----------
    monitors, store, factories, book, clock
        The pipeline's own.
    commit
        Makes durable what was appended.
    events
        The device's history.
    relearned
        Hears that a stream's reference was replaced: for which of its inferences the new one stands, from a time to a
        time, or, where it comes from elsewhere, for how many that are yet to come.

    Every method takes the name of a stream as `agent.baselines.resolve` does, and raises BaselineError where it cannot
    do what is asked.
    """

    def __init__(
        self,
        monitors: Mapping[str, StreamMonitor],
        store: Store,
        factories: Factories,
        book: FindingBook,
        clock: Clock,
        commit: Callable[[], None],
        events: Events,
        relearned: Callable[[str, int, int, int], None],
    ) -> None:
        self._monitors = monitors
        self._store = store
        self._factories = factories
        self._book = book
        self._clock = clock
        self._commit = commit
        self._events = events
        self._relearned = relearned

    def show(self, name: str) -> list[Baseline]:
        """Describe one reference, or with no name all of them."""
        keys = self._keys()
        return [self._describe(key) for key in ([resolve(name, keys)] if name else keys)]

    def accept(self, name: str, *, learn: bool, by: str) -> BaselineChange:
        """Make what the stream looks like now its reference.

        That is what it stored since its newest finding began, or where none is open since its reference was learned.
        Where that is too little: learn from now on, if `learn`, else refuse.
        """
        monitor = self._running(name)
        if monitor.reference is None:
            raise BaselineError(f"{monitor.key} is still learning: what it sees now is its reference already")
        self._commit()
        concerned = self._book.compared(monitor.stream)
        newest = max(concerned, key=lambda finding: finding.onset_row, default=None)
        rows = monitor.rows_since(0 if newest is None else newest.onset_row)
        blocks = self._last_rows(monitor.key, min(rows, self._factories.needed.max_rows))
        began = "the reference was learned" if newest is None else f"the change of {newest.onset:%d %b %H:%M} UTC"
        if self._enough(blocks):
            reference = self._take(monitor, blocks, b"", f"what it saw since {began}, accepted", by)
            said = f"the new reference, from {reference.rows:,} inferences since {began}"
            return self._changed(monitor.stream, "accepted", said, by)
        if not learn:
            raise BaselineError(f"{_seen(blocks)} since {began}; {self._needs()}: wait, or begin anew with --learn")
        monitor.learn_anew(self._store.mark())
        return self._changed(monitor.stream, "accepted", f"learning anew from now on; {self._needs()}", by)

    def reset(self, name: str, *, by: str) -> BaselineChange:
        """Forget the reference, and learn from now on."""
        key = resolve(name, self._keys())
        self._commit()
        monitor = self._monitors.get(key)
        if monitor is None:
            StreamStore(self._store, key).begin_learning(self._store.mark())
            said = f"the reference is forgotten, by {by}; it is learned anew when the model runs again"
            self._events.say("reset", key, said)
            return BaselineChange(key=key, said=said)
        monitor.learn_anew(self._store.mark())
        return self._changed(monitor.stream, "reset", f"learning anew from now on; {self._needs()}", by)

    def export(self, name: str) -> bytes:
        """Return a reference as a file."""
        key = resolve(name, self._keys())
        store = StreamStore(self._store, key)
        stored = store.get(REFERENCE)
        if not stored:
            raise BaselineError(f"{key} is still learning; there is no reference to export")
        origin, reference = store.origin(), self._decoded({REFERENCE: stored, ROWS: store.get(ROWS)})
        header = Header(
            what="reference",
            key=key,
            rows=reference.rows,
            signals=tuple(signal.name for signal in reference.signals),
            source=origin.how if origin else "",
            learned=origin.learned if origin else None,
        )
        return encode_file(header, {REFERENCE: reference.encode(), ROWS: store.get(ROWS)})

    def take(self, name: str, data: bytes, *, by: str) -> BaselineChange:
        """Take a file in: a reference as it is, or the rows of a training file.

        Without a name, the stream that the file names; a reference may come before its model has ever run here.
        """
        header, parts = decode_file(data)
        keys = self._keys()
        if name or header.what == "training":
            key = resolve(name or header.key, keys)
        else:
            key = resolve(header.key, keys) if header.key in keys else header.key
        monitor = self._monitors.get(key)
        self._check(key, header, monitor)
        self._commit()
        if header.what == "training":
            if monitor is None:
                raise BaselineError(f"{key} does not run now; its own inferences are needed beside a training file")
            if not parts.get(ROWS):
                raise BaselineError(f"{header.source}: no stored reference rows are in the file")
            return self._train(monitor, header, parts[ROWS], by)
        reference = self._decoded(parts)
        how = f"imported: {header.source}"
        now = self._clock.wall_ns()
        if monitor is None:
            StreamStore(self._store, key).keep_reference(reference.encode(), parts.get(ROWS, b""), now, how, by)
            self._relearned(key, 0, 0, reference.rows)
            said = f"the reference, from {reference.rows:,} inferences, for when the model runs here, by {by}"
            self._events.say("imported", key, said)
            return BaselineChange(key=key, said=said)
        monitor.take_reference(reference, parts.get(ROWS, b""), now, how, by)
        self._relearned(key, 0, 0, reference.rows)
        said = f"the reference, from {reference.rows:,} inferences ({header.source})"
        return self._changed(monitor.stream, "imported", said, by)

    def _train(self, monitor: StreamMonitor, header: Header, training: bytes, by: str) -> BaselineChange:
        blocks = self._last_rows(monitor.key, self._factories.needed.max_rows)
        file = f"{header.source} ({header.rows:,} rows)"
        if self._enough(blocks):
            reference = self._take(monitor, blocks, training, f"{header.source} and the stream", by)
            said = f"{file}, put into the order of the newest {reference.rows:,} inferences"
            return self._changed(monitor.stream, "imported", said, by)
        try:
            self._factories.trained_learner(monitor.signals, training)
        except ValueError as error:
            raise BaselineError(f"{header.source}: {error}") from error
        monitor.learn_anew(self._store.mark(), training)
        said = f"{file}; it is judged by when the stream has shown how its inferences hang together: {self._needs()}"
        return self._changed(monitor.stream, "imported", said, by)

    def _take(self, monitor: StreamMonitor, blocks: Sequence[Block], training: bytes, how: str, by: str) -> Reference:
        own = [aligned(block, monitor.signals) for block in blocks]
        try:
            reference, rows = self._factories.fit(monitor.signals, own, training)
        except ValueError as error:
            raise BaselineError(f"no reference can be made of these inferences: {error}") from error
        first, last = int(blocks[0].time_ns[0]), int(blocks[-1].time_ns[-1])
        monitor.take_reference(reference, rows, last, how, by)
        self._relearned(monitor.key, first, last, 0)
        return reference

    def _changed(self, stream: Stream, kind: str, said: str, by: str) -> BaselineChange:
        """Close what compared with the old reference, and write it all down."""
        closed: list[Finding] = self._book.settle(stream, f"the reference was {kind} by {by}", self._clock.wall_ns())
        self._events.say(kind, stream.model, f"{said}; by {by}")
        self._events.tell(closed)
        return BaselineChange(key=stream.key, said=said, closed=tuple(finding.sentence for finding in closed))

    def _describe(self, key: str) -> Baseline:
        store, monitor = StreamStore(self._store, key), self._monitors.get(key)
        if monitor is not None and monitor.reference is None:
            rows, target = monitor.progress
            return Baseline(
                key=key,
                state="learning",
                rows=rows,
                target=target,
                notes=monitor.notes,
                stream=monitor.stream,
                columns=monitor.signals,
            )
        if monitor is not None and monitor.reference is not None:
            reference = monitor.reference
        else:
            reference = self._decoded({REFERENCE: store.get(REFERENCE), ROWS: store.get(ROWS)})
        return describe(key, reference, store.origin(), None if monitor is None else monitor.stream)

    def _decoded(self, parts: dict[str, bytes]) -> Reference:
        try:
            return self._factories.decode_reference(parts[REFERENCE])
        except (ValueError, KeyError):
            try:  # another version's: its rows are in the file too
                return self._factories.refit_reference(parts[ROWS])
            except (ValueError, KeyError) as error:
                raise BaselineError(f"the reference cannot be read by this version of Driftline: {error}") from error

    def _check(self, key: str, header: Header, monitor: StreamMonitor | None) -> None:
        """Refuse signals that are not the stream's."""
        if monitor is None or not monitor.signals:
            return
        own, given = {signal.name: signal for signal in monitor.signals}, set(header.signals)
        extra = sorted(given - own.keys())
        missing = [] if header.what == "training" else sorted(own.keys() - given)
        if extra or missing:
            what = [f"it lacks {', '.join(missing)}"] * bool(missing)
            what += [f"it has {', '.join(extra)} besides"] * bool(extra)
            raise BaselineError(f"the file does not fit {key}: {'; '.join(what)}")

    def _enough(self, blocks: Sequence[Block]) -> bool:
        needed, rows = self._factories.needed, sum(map(len, blocks))
        return rows >= needed.rows and (_seconds(blocks) >= needed.seconds or rows >= needed.max_rows)

    def _needs(self) -> str:
        needed = self._factories.needed
        return f"a reference needs {needed.rows:,} inferences, and {needed.seconds:,.0f} s or {needed.max_rows:,}"

    def _last_rows(self, key: str, count: int) -> list[Block]:
        try:
            return [block for block in self._store.last_rows(key, count) if len(block)] if count > 0 else []
        except OSError as error:
            raise BaselineError(f"the stored rows cannot be read now: {error}") from error

    def _running(self, name: str) -> StreamMonitor:
        key = resolve(name, self._keys())
        if key not in self._monitors:
            raise BaselineError(f"{key} has not run since the agent was started: there is nothing new to accept")
        return self._monitors[key]

    def _keys(self) -> list[str]:
        return sorted({*self._monitors, *self._store.state_keys(REFERENCE)})


def describe(key: str, reference: Reference, origin: Origin | None, stream: Stream | None = None) -> Baseline:
    """Describe a reference that is stored."""
    return Baseline(
        key=key,
        state="ready",
        rows=reference.rows,
        target=reference.rows,
        short=bool(reference.notes),
        notes=reference.notes,
        stream=stream,
        origin=origin,
        columns=reference.signals,
        signals=reference.describe(),
    )


def _seen(blocks: Sequence[Block]) -> str:
    return f"only {sum(map(len, blocks)):,} inferences over {_seconds(blocks):,.0f} s are stored"


def _seconds(blocks: Sequence[Block]) -> float:
    return max(0, int(blocks[-1].time_ns[-1]) - int(blocks[0].time_ns[0])) / 1e9 if blocks else 0.0
