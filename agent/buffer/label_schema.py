# ruff: noqa: S608  # every name that is put into a statement here is one of ours
"""SQL about labels; their table is made by `agent.buffer.schema`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.buffer.era_schema import moved_ns
from agent.buffer.schema import INCOMING

if TYPE_CHECKING:
    from agent.buffer.era_schema import Shift

LABEL_COLUMNS = (
    "number", "id", "told_ns", "value", "text", "wanted", "key", "model", "version", "inferred_ns",
    "answer", "confidence", "error", "previous",
)  # fmt: skip
_SELECT_LABELS = (
    'SELECT number, id, {told} AS told_ns, value, "text", wanted, "key", model, version, '
    "coalesce({inferred}, 0) AS inferred_ns, answer, confidence, error, previous FROM {db}.labels"
)
# What is not known is NULL in the table and NaN in the records.
INSERT_LABELS = (
    'INSERT INTO {db}.labels SELECT number, id, make_timestamp_ns(told), if(isnan(value), NULL, value), "text", '
    'wanted, "key", model, version, make_timestamp_ns(nullif(inferred, 0)), if(isnan(answer), NULL, answer), '
    "if(isnan(confidence), NULL, confidence), if(isnan(error), NULL, error), if(isnan(previous), NULL, previous), a "
    f"FROM {INCOMING}"
)
READ_LABELS = "WHERE number > ? ORDER BY number DESC LIMIT ?"
FIND_LABELS = f"WHERE \"key\" <> '' AND id IN (SELECT id FROM {INCOMING})"
LABELS_BETWEEN = 'WHERE "key" = ? AND inferred_ns BETWEEN ? AND ? ORDER BY number DESC LIMIT ?'
READ_LABELLED = "SELECT DISTINCT model FROM {db}.labels WHERE model <> ''"
READ_LAST_LABEL = "SELECT coalesce(max(number), 0) FROM {db}.labels"


def read_labels(alias: str, shifts: tuple[Shift, ...]) -> str:
    """Beginning of a statement that reads labels."""
    return _SELECT_LABELS.format(db=alias, told=moved_ns("told", shifts), inferred=moved_ns("inferred", shifts))
