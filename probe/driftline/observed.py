"""The manual form of watching: the service says itself what went in and what came out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from driftline import arrays, calls, faults, ids, registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftline.stream import Stream

now = time.monotonic_ns
LONGEST_S = 1e6
_known: dict[tuple[str, str], Stream] = {}
_said: set[str] = set()


def observe(
    model: str,
    features: Any = None,
    prediction: Any = None,
    confidence: float | None = None,
    latency_s: float | None = None,
    outputs: Any = None,
    version: str = "",
    id: Any = None,  # noqa: A002  # the name that the user's own code has for it
    classes: Sequence[str] = (),
) -> None:
    """Record one inference of a model that `watch` cannot wrap.

    Parameters
    ----------
    model, version : str
        What the model is called. One ring is kept for each pair.
    features : mapping of str to float, or array, optional
        What the model was given. Text and None are recorded as missing.
    prediction : float or array, optional
        What it said: a class number, a value, or an array of either. Text is recorded as missing.
    confidence : float, optional
        How sure it was, in [0, 1].
    latency_s : float, optional
        How long it took, in seconds.
    outputs : mapping of str to float, or array, optional
        Whatever else it gave back.

    id : str or int, or a list of them for a batch, optional
        What you call this inference (a part number, the name of a picture), to give its truth to `label` later.
        Without one, `last_id` returns a name that it got.
    classes : sequence of str, optional
        Names of the classes by number, so that truths may be told by name. Those of the first call count.

    Never raises, never blocks.

    Examples
    --------
    ``observe("boiler", {"pressure": 1.2, "level": 0.4}, prediction=0, confidence=0.93, latency_s=0.004)``
    """
    end = now()
    try:
        stream = _known.get((model, version)) or _stream(model, version, classes)
        if stream.off:
            return
        taken = 0 if latency_s is None or not 0 <= latency_s < LONGEST_S else int(latency_s * 1e9)
        given = [] if features is None else calls.pairs("features", features)
        if id is not None:
            names = id if isinstance(id, (list, tuple)) else (id,)
            given = [*given, ("id", arrays.Opaque(ids.bytes_of(names)))]
        stream.record(given, _said_by(prediction, confidence, outputs), end - taken, end)
        if id is not None:
            ids.newest.call = ids.text_of(names[0])
    except Exception as error:
        _failed(str(model), error)


def _stream(model: str, version: str, classes: Sequence[str]) -> Stream:
    identity = {
        "model": str(model)[:256],
        "version": str(version)[:256],
        "sha256": "",
        "sha256_of": "",
        "runtime": "",
        "provider": "",
        "kind": "",
        "classes": calls.names(classes, "classes"),
    }
    stream = registry.stream_for(identity, ids=True)
    if not stream.off:
        _known[model, version] = stream
    return stream


def _said_by(prediction: Any, confidence: Any, outputs: Any) -> list[tuple[str, Any]]:
    named: dict[str, Any] = {}
    pairs: list[tuple[str, Any]] = []
    if prediction is not None:
        if arrays.is_number(prediction):
            named["prediction"] = prediction
        else:
            pairs += calls.pairs("prediction", prediction)
    if confidence is not None:
        named["confidence"] = confidence
    if isinstance(outputs, Mapping) and all(arrays.is_number(value) for value in outputs.values()):
        named.update(outputs)
    elif outputs is not None:
        pairs += calls.pairs("output", outputs)
    return [("outputs", arrays.Named(named)), *pairs] if named else pairs


def _failed(model: str, error: Exception) -> None:
    if faults.is_services_own(error):
        raise error
    if not _said:
        _said.add(model)
        faults.warn(f"an observation of model {model!r} was not recorded: {error}")
