"""What a model's calls have in common, whatever their batch: names, dtypes and shapes. And how two such differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from collectors.ring_header import Signature
    from collectors.signals.stored import StoredPart

_SHOWN = 5
OPAQUE = "opaque"


class Array(NamedTuple):
    """One array of a call. `shape` is without the batch; named values have their names."""

    dtype: str
    shape: tuple[int, ...]
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.dtype} {list(self.shape)}"


Contract = dict[tuple[str, str], Array]


class Difference(NamedTuple):
    """What changed, in words, with before and after."""

    kind: Literal["shape", "dtype", "missing"]
    detail: str


def contract(signature: Signature, inputs: Sequence[StoredPart]) -> Contract:
    """Return what calls of this signature share; axis 0 of an output is left out, as a batch or a number of boxes."""
    rows = {part.part.name: part.row_shape for part in inputs}
    found: Contract = {}
    for part in signature.parts:
        if part.dtype == OPAQUE:  # ids: whether a call was named says nothing of its data
            continue
        shape = rows.get(part.name) if part.role == "input" else None
        if part.layout == "named":
            found[part.role, part.name] = Array("named", (), tuple(part.names))
        else:
            found[part.role, part.name] = Array(part.dtype, tuple(part.shape[1:] if shape is None else shape))
    return found


def difference(before: Mapping[tuple[str, str], Array], after: Mapping[tuple[str, str], Array]) -> Difference | None:
    """Return the gravest difference: something missing, then another dtype, then another shape; or None.

    >>> difference({("input", "x"): Array("<f4", (8,))}, {("input", "x"): Array("<f8", (8,))})
    Difference(kind='dtype', detail="input 'x' was <f4, is <f8")
    """
    for key, old in before.items():
        role, name = key
        if key not in after:
            return Difference("missing", f"{role} {name!r} was {old}, is gone")
        gone = [n for n in old.names if n not in after[key].names]
        if gone:
            return Difference("missing", f"no value for {', '.join(gone[:_SHOWN])}" + (" …" if gone[_SHOWN:] else ""))
    shared = [(key, old, after[key]) for key, old in before.items()]
    for (role, name), old, new in shared:
        if old.dtype != new.dtype:
            return Difference("dtype", f"{role} {name!r} was {old.dtype}, is {new.dtype}")
    for (role, name), old, new in shared:
        if old.shape != new.shape:
            return Difference(
                "shape", f"{role} {name!r} was {list(old.shape)}, is {list(new.shape)} (without the batch)"
            )
    for key, new in after.items():
        if key not in before:
            return Difference("shape", f"{key[0]} {key[1]!r} is new: {new}")
    return None
