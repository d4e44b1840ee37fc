# ruff: noqa: S608  # every name that is put into a statement here is one of ours
"""SQL and tables, in the core, of what is kept for destinations: places, dead letters, the ledger, carried hours.

What waits is not copied here: summaries are in the segments and findings in their history. `carried` alone holds
summaries, of segments that had to go before every destination had them.
"""

from __future__ import annotations

PLACES, LETTERS, EGRESS, CARRIED = "outgoing_places", "dead_letters", "egress", "carried"
TABLES = (
    f"CREATE TABLE IF NOT EXISTS {{db}}.{PLACES} (kind VARCHAR, name VARCHAR, payload BLOB)",
    (
        f"CREATE TABLE IF NOT EXISTS {{db}}.{LETTERS} (number BIGINT, destination VARCHAR, id VARCHAR, "
        "time TIMESTAMP_NS, reason VARCHAR, again BOOLEAN, parcel BLOB, era INTEGER)"
    ),
    (
        f"CREATE TABLE IF NOT EXISTS {{db}}.{EGRESS} (number BIGINT, time TIMESTAMP_NS, destination VARCHAR, "
        "address VARCHAR, parcels BIGINT, accepted BIGINT, bytes BIGINT, fields VARCHAR, observed BIGINT, era INTEGER)"
    ),
    (
        f'CREATE TABLE IF NOT EXISTS {{db}}.{CARRIED} ("first" BIGINT, "last" BIGINT, count BIGINT, bytes BIGINT, '
        "time TIMESTAMP_NS, ended BIGINT, record BLOB, era INTEGER)"
    ),
)
DATED = (LETTERS, EGRESS, CARRIED)  # tables with a column `time`, and the era that it is of

READ_PLACE = f"SELECT payload FROM {{db}}.{PLACES} WHERE kind = ? AND name = ?"
READ_PLACES = f"SELECT name FROM {{db}}.{PLACES} WHERE kind = ? ORDER BY name"
DELETE_PLACE = f"DELETE FROM {{db}}.{PLACES} WHERE kind = ? AND name = ?"
INSERT_PLACE = f"INSERT INTO {{db}}.{PLACES} VALUES (?, ?, ?)"

READ_LETTER_SIZES = f"SELECT number, destination, id, octet_length(parcel) FROM {{db}}.{LETTERS} ORDER BY number"
READ_LETTERS = (
    f"SELECT destination, parcel, reason, {{time}} FROM {{db}}.{LETTERS} "
    "WHERE coalesce(destination = $1, true) AND (again OR NOT $2) ORDER BY number DESC LIMIT $3"
)
INSERT_LETTER = f"INSERT INTO {{db}}.{LETTERS} VALUES (?, ?, ?, make_timestamp_ns(?), ?, false, ?, ?)"
DELETE_LETTER = f"DELETE FROM {{db}}.{LETTERS} WHERE destination = ? AND id = ?"
SEND_AGAIN = f"UPDATE {{db}}.{LETTERS} SET again = true WHERE coalesce(destination = ?, true)"

READ_LAST_LINE = f"SELECT coalesce(max(number), 0) FROM {{db}}.{EGRESS}"
READ_EGRESS = (
    f"SELECT {{time}} AS moment, destination, address, parcels, accepted, bytes, fields FROM {{db}}.{EGRESS} "
    "WHERE moment >= ? ORDER BY number DESC LIMIT ?"
)
INSERT_EGRESS = f"INSERT INTO {{db}}.{EGRESS} VALUES (?, make_timestamp_ns(?), ?, ?, ?, ?, ?, ?, ?, ?)"
TRIM_EGRESS = f"DELETE FROM {{db}}.{EGRESS} WHERE number <= ? OR observed < ?"

INSERT_CARRIED = f"INSERT INTO {{db}}.{CARRIED} VALUES (?, ?, ?, ?, make_timestamp_ns(?), ?, ?, ?)"
DELETE_CARRIED = f'DELETE FROM {{db}}.{CARRIED} WHERE "last" <= ?'
READ_CARRIED = f'SELECT "first", record FROM {{db}}.{CARRIED} WHERE "first" >= ? AND "last" <= ? ORDER BY "first"'
READ_CARRIED_ENTRIES = (
    f'SELECT "first", "last", count, bytes, {{time}}, {{time}} - ended FROM {{db}}.{CARRIED} ORDER BY "first"'
)

READ_CHANGES = "SELECT seq, record FROM {db}.finding_history WHERE seq > ? ORDER BY seq LIMIT ?"
READ_STANDING = (  # newest states of what is open, and any state of the time before: whether it is the newest
    "WITH known AS (SELECT * FROM {db}.finding_history WHERE updated <= make_timestamp($1)), "
    "newest AS (SELECT id, max(seq) AS seq FROM known GROUP BY id) "
    "SELECT record, known.seq = newest.seq FROM known JOIN newest USING (id) "
    "WHERE (known.seq = newest.seq AND \"state\" <> 'closed') OR updated > make_timestamp($2) "
    "ORDER BY known.seq DESC LIMIT $3"
)
READ_SETTLED_CHANGES = (  # the newest of which no finding is open that has no later one
    "SELECT coalesce(min(seq) FILTER (\"state\" <> 'closed') - 1, max(seq), 0) FROM "
    '(SELECT max(seq) AS seq, arg_max("state", seq) AS "state" FROM {db}.finding_history GROUP BY id)'
)

READ_ROLLUPS = (
    "SELECT name, unit, labels, count(*), avg(value), var_pop(value), min(value), max(value), arg_max(value, time) "
    "FROM ({readings}) JOIN {db}.series ON series = id "
    "WHERE time >= make_timestamp_ns(?) AND time < make_timestamp_ns(?) AND isfinite(value) GROUP BY ALL ORDER BY ALL"
)
READ_SLOTS = (
    "SELECT DISTINCT epoch_ns(time) // $1 FROM ({rows}) "
    "WHERE time >= make_timestamp_ns($2) AND time < make_timestamp_ns($3)"
)
READ_READINGS_SPAN = "SELECT epoch_ns(min(time)), epoch_ns(max(time)) FROM ({readings})"
