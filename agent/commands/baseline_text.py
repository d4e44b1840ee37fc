"""A reference as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.baselines import rhythm_words

if TYPE_CHECKING:
    from agent.baselines import Baseline, SignalBaseline

MAX_SHOWN = 6  # categories
NAME_WIDTH = 24


def render(baseline: Baseline) -> str:
    """Give the text of one reference; it ends with a newline."""
    if baseline.state == "learning":
        head = [f"{_clean(baseline.key)}: learning, {baseline.rows:,} of about {baseline.target:,} inferences"]
    else:
        enough = "too short for the alarm budget to be kept with certainty" if baseline.short else "long enough"
        head = [f"{_clean(baseline.key)}: {baseline.rows:,} inferences, {enough}"]
    origin = baseline.origin
    if origin:
        by = f", by {_clean(origin.by)}" if origin.by else ""
        head.append(
            f"  reference {origin.number}, of {origin.learned:%Y-%m-%d %H:%M} UTC, from {_clean(origin.how)}{by}"
        )
    head += [f"  note: {_clean(note)}" for note in baseline.notes]
    if rhythm := rhythm_words(baseline.signals):
        head.append(f"  {_clean(rhythm)}")
    return "\n".join(head + _table(baseline.signals)) + "\n"


def _table(signals: tuple[SignalBaseline, ...]) -> list[str]:
    if not signals:
        return []
    shares = next((signal.quantiles for signal in signals if signal.quantiles), ())
    names = {0.0: "least", 0.5: "median", 1.0: "most"}
    head = ["signal", "rows/block", "missing", *(names.get(share, f"{share:.0%}") for share, _ in shares)]
    rows = [head]
    for described in signals:
        quantiles = [f"{value:.4g}" for _, value in described.quantiles]
        name = _clean(described.signal.name)[:NAME_WIDTH]
        rows.append([name, f"{described.block_rows}", f"{described.missing:.1%}", *quantiles])
    widths = [max(len(row[at]) for row in rows if at < len(row)) for at in range(len(head))]
    lines = []
    for row, after in zip(rows, ("", *map(_categories, signals)), strict=True):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=False)]
        lines.append(("  " + "  ".join(cells) + after).rstrip())
    return lines


def _categories(signal: SignalBaseline) -> str:
    if not signal.categories:
        return ""
    shown = "  ".join(f"{code:g}: {share:.1%}" for code, share in signal.categories[:MAX_SHOWN])
    more = len(signal.categories) - MAX_SHOWN
    return f"  {shown}" + (f"  and {more} more" if more > 0 else "")


def _clean(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
