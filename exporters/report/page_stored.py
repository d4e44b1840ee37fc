"""What the report's page says of the device's storage: what could not be read, what is kept, and how the card ages."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from exporters.report.page_parts import moment

if TYPE_CHECKING:
    from agent.model import Finding
    from exporters.report.document import Keeping, ReportDocument


def write_missing(document: ReportDocument) -> str:
    """Say from when until when inferences may be missing, and what could not be read."""
    return "".join(map(_not_stored, document.storage)) + (_unread(document.unread) if document.unread else "")


def write_keeping(keeping: Keeping) -> str:
    """Say what is kept and written, of how much, how far rows are thinned, and what is left of the storage's life."""
    since = f", since {moment(keeping.since)}" if keeping.since else ""
    rows = (
        ("kept", f"{_size(keeping.kept)} of {_size(keeping.kept_limit)}"),
        (
            "written in 24 h",
            f"{'unknown' if keeping.written is None else _size(keeping.written)} of {_size(keeping.written_limit)}",
        ),
        ("rows", f"{keeping.thinned}{since}"),
        ("storage", _life(keeping.life)),
    )
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in rows)
    return f"<h2>What the device keeps</h2>\n<dl>{facts}</dl>\n"


def _not_stored(finding: Finding) -> str:
    until = f"until {moment(finding.closed)}" if finding.closed else "and goes on"
    return (
        f'<div class="box {finding.severity}"><h3>{escape(finding.sentence)}</h3><p>From {moment(finding.onset)} '
        f"{until}: inferences of then may be missing here. {escape(finding.advice)}</p></div>\n"
    )


def _unread(notes: tuple[str, ...]) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return (
        '<div class="box warning"><h3>Not all that is stored could be read.</h3>'
        f"<p>Inferences and findings may be missing here:</p><ul>{items}</ul></div>\n"
    )


def _life(left: float | None) -> str:
    if left is None:
        return "life not reported"
    return f"{left:.0%} or more of its life left" if left > 0 else "less than 10% of its life left"


def _size(count: int) -> str:
    """Write a number of bytes in decimal units.

    >>> _size(41_900_000), _size(1_073_741_824), _size(900)
    ('41.9 MB', '1.07 GB', '0.9 kB')
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count / 1e3:.3g} kB"
