"""What the newest references of each stream looked like: where the bins of its summaries end, and what is in them.

A window that waited while its stream got another reference is still told by its own; of the last MOST of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent.baselines import SignalBaseline  # noqa: TC001  # msgspec resolves the annotations at run time
from agent.buffer.outgoing.effects import effects_of
from agent.outbound import Watched
from agent.summary import bin_edges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.buffer.files import Files
    from agent.outbound import Window

MOST = 4
PART = "reference bins"
_ROWS = 1_000  # about what a reference is described by


class _Known(msgspec.Struct, array_like=True):
    name: str
    signals: tuple[SignalBaseline, ...]


_decoder = msgspec.msgpack.Decoder(list[_Known])


def known_of(stored: bytes) -> dict[str, tuple[SignalBaseline, ...]]:
    """Return what the references of a stream looked like, by name; nothing where another version kept it."""
    try:
        return {one.name: one.signals for one in _decoder.decode(stored)}
    except msgspec.MsgspecError:
        return {}


class References:
    """Those that are kept in the core of `files`. Calls may raise UnavailableError."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._known: dict[str, list[_Known]] = {}

    def know(self, key: str, name: str, described: Sequence[SignalBaseline]) -> None:
        """Hear what a stream is compared with from here on; it is durable with the next commit."""
        known = self._of(key)
        if described and (not known or known[-1].name != name):
            known = [*(one for one in known if one.name != name), _Known(name, tuple(described))][-MOST:]
            self._known[key] = known
            self._files.ledger.put_state(key, PART, msgspec.msgpack.encode(known))

    def completed(self, window: Window) -> Window:
        """Return a window with edges and effects; one of a reference that is not known any more with evidence alone."""
        summary = window.summary
        known = next((one for one in self._of(summary.stream.key) if one.name == summary.reference), None)
        described = {one.signal.name: one for one in known.signals} if known and summary.reference else {}
        edges = {name: tuple(bin_edges(one.quantiles, one.categories)) for name, one in described.items()}
        watched = []
        for signal in summary.signals:
            name = signal.name
            found = effects_of(described[name], edges[name], _ROWS, signal) if name in described else None
            if found is not None or name in summary.evidence:
                watched.append(Watched(signal.signal, summary.evidence.get(name, 0.0), *(found or ())))
        return msgspec.structs.replace(window, edges=edges, watched=tuple(watched))

    def _of(self, key: str) -> list[_Known]:
        if key not in self._known:
            stored = self._files.read(lambda engine: self._files.ledger.get_state(engine, key, PART))
            try:
                self._known[key] = _decoder.decode(stored) if stored else []
            except msgspec.MsgspecError:  # of another version: the next one that is learned is known again
                self._known[key] = []
        return self._known[key]
