# ruff: noqa: S608  # every name that is put into a statement here is a number of ours or goes through `quote`
"""Stored rows of one stream as a person can judge them: what the model said, how sure it was, and what labels say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from driftline.ids import written

from agent.buffer.columns import column_names, quote
from agent.clock import utc
from agent.model import Signal
from agent.screen import Answer, Answers
from agent.truth import answer_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection

    from agent.present import Present

_HOUR_NS = 3_600 * 10**9
# So far back is looked at first, then further: the newest rows are found without reading all of them.
_LOOKS_NS = (_HOUR_NS, 24 * _HOUR_NS, 10 * 24 * _HOUR_NS)
MOST_AROUND = 200
_OF_STREAM = "model = $1 AND coalesce(nullif(left(sha256, 12), ''), version) = $2"  # as `Stream.key` names it
_SIGNALS = f"SELECT arg_max(signals, began), arg_max(sha256, began) FROM stored_minutes WHERE {_OF_STREAM}"
_COLUMNS = "SELECT * FROM inferences LIMIT 0"
_ROWS = (
    "SELECT epoch_ns(time) AS _driftline_time, inference_id, latency_s, status, weight{columns} FROM inferences "
    f"WHERE {_OF_STREAM} AND time >= make_timestamp_ns($3) "
    "AND time < make_timestamp_ns($4)"
)
_NEWEST = f"{_ROWS} ORDER BY time DESC LIMIT $5"
# Of more, some that are evenly spaced.
_SPREAD = (
    "SELECT * EXCLUDE (_driftline_place, _driftline_all) FROM (SELECT *, "
    "row_number() OVER (ORDER BY _driftline_time) - 1 AS _driftline_place, count(*) OVER () AS _driftline_all "
    f"FROM ({_ROWS})) WHERE _driftline_place % greatest(1, ceil(_driftline_all / $5)::BIGINT) = 0 ORDER BY 1 DESC"
)
_LABELS = 'SELECT id, "text", value, error FROM labels WHERE "key" = $1 AND id IN (SELECT unnest($2::UBIGINT[]))'

_signals = msgspec.json.Decoder(tuple[Signal, ...])


class _Said(NamedTuple):
    text: str
    value: float
    error: float


def newest(cursor: DuckDBPyConnection, here: Present, most: int) -> Answers:
    """Return the newest recorded inferences of a stream. Raises duckdb.Error."""
    signals = _signals_of(cursor, here)
    rows: list[tuple[Any, ...]] = []
    for back_ns in (*_LOOKS_NS, here.now_ns):
        rows = _rows(cursor, here, signals, _NEWEST, (max(0, here.now_ns - back_ns), here.now_ns + _HOUR_NS, most))
        if len(rows) == most:
            break
    return _answers(cursor, here, signals, rows)


def around(cursor: DuckDBPyConnection, here: Present, since_ns: int, until_ns: int) -> Answers:
    """Return recorded inferences of a stream and a time, evenly spaced where there are many. Raises duckdb.Error."""
    signals = _signals_of(cursor, here)
    rows = _rows(cursor, here, signals, _SPREAD, (since_ns, until_ns, MOST_AROUND))
    many = len(rows) > 0 and len(rows) >= MOST_AROUND // 2
    found = _answers(cursor, here, signals, rows)
    return msgspec.structs.replace(found, sampled=True) if many else found


def _signals_of(cursor: DuckDBPyConnection, here: Present) -> tuple[Signal, ...]:
    """Return what a stream gives; of one that has not run since the start, what it gave when it ran last."""
    if here.signals:
        return tuple(here.signals)
    text = cursor.execute(_SIGNALS, (here.model, here.tag)).fetchall()[0][0]
    return _signals.decode(text) if text else ()


def _rows(
    cursor: DuckDBPyConnection, here: Present, signals: Sequence[Signal], sql: str, what: tuple[int, int, int]
) -> list[tuple[Any, ...]]:
    there = {name.lower() for name, *_ in cursor.execute(_COLUMNS).description or ()}
    names = column_names(signal.name for signal in signals)
    columns = "".join(f", {quote(name)}" if name.lower() in there else ", NULL" for name in names)
    return cursor.execute(sql.format(columns=columns), (here.model, here.tag, *what)).fetchall()


def _answers(
    cursor: DuckDBPyConnection, here: Present, signals: Sequence[Signal], rows: Sequence[tuple[Any, ...]]
) -> Answers:
    ids = [one for _, one, *_ in rows if one is not None]
    labels = {one: _Said(*said) for one, *said in cursor.execute(_LABELS, (here.key, ids)).fetchall()}
    answer, classes = answer_of(signals), here.classes
    found = []
    for time_ns, number, latency_s, status, _, *values in rows:
        said = values[answer.column] if answer else None
        sure = values[answer.confidence] if answer and answer.confidence is not None else None
        label = labels.get(number)
        named = classes if answer and answer.kind == "class" else ()
        found.append(
            Answer(
                id="" if number is None else written(number), time=utc(time_ns), said=_named(said, named),
                confidence=sure, latency_s=latency_s, status=status,
                truth="" if label is None else label.text or _named(label.value, named),
                right=None if label is None or answer is None or answer.kind == "value" else label.error == 0,
                values=tuple(values),
            )
        )  # fmt: skip
    return Answers(
        stream=here.identity,
        signals=tuple(signal.name for signal in signals),
        answers=tuple(found),
        classes=tuple(classes),
        sampled=any(weight > 1 for *_, weight in (row[:5] for row in rows)),
    )


def _named(value: float | None, classes: Sequence[str]) -> str:
    if value is None or value != value:  # noqa: PLR0124  # not a number
        return ""
    return classes[int(value)] if value % 1 == 0 and 0 <= value < len(classes) else f"{value:g}"
