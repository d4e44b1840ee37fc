"""Text as the screens and the plain output build it: lines of spans, measured in terminal cells. Standard library only.

A span is a piece of text and its tone; a tone is a meaning ("critical", "quiet"), which `tui.palette` turns into
colours. Everything that is cut, padded or wrapped here is cleaned first, so that names that come from a model file
or another process can neither move the cursor nor break a column.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Tone = Literal[
    "plain",
    "strong",
    "quiet",
    "rule",
    "accent",
    "key",
    "ok",
    "learning",
    "warning",
    "critical",
    "waiting",
    "ok-block",
    "learning-block",
    "warning-block",
    "critical-block",
    "waiting-block",
]
Span = tuple[str, Tone]
Line = tuple[Span, ...]

ELLIPSIS = "…"
# Whole escape sequences (CSI; OSC, DCS, APC, PM and SOS up to their terminator; two-byte ones), 7-bit and 8-bit.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)


def clean(text: str) -> str:
    r"""Remove terminal escapes, control and invisible formatting characters; white space becomes single-cell spaces.

    >>> clean("meter\x1b[31m-reader\x1b]0;title\x07\u202e")
    'meter-reader'
    """
    if text.isprintable():
        return text
    text = _ESCAPES.sub("", text)
    return "".join(char if char.isprintable() else " " if char.isspace() else "" for char in text)


def cell_width(text: str) -> int:
    """Count the terminal cells that cleaned text takes up: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(map(_char_width, text))


def _char_width(char: str) -> int:
    if char < "\u0300":
        return 1
    if unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def fit(text: str, width: int, align: Literal["left", "right"] = "left") -> str:
    """Clean the text, cut it with an ellipsis or pad it, to exactly `width` cells.

    >>> fit("meter-reader", 8), fit("41 µs", 7, "right")
    ('meter-r…', '  41 µs')
    """
    text = clean(text)
    missing = width - cell_width(text)
    if missing < 0:
        text = cut(text, width)
        missing = width - cell_width(text)
    return " " * missing + text if align == "right" else text + " " * missing


def cut(text: str, width: int) -> str:
    """Clean the text and shorten it to at most `width` cells."""
    text = clean(text)
    if cell_width(text) <= width:
        return text
    if width <= 0:
        return ""
    kept, used = [], 0
    for char in text:
        used += _char_width(char)
        if used > width - 1:
            break
        kept.append(char)
    return "".join(kept).rstrip() + ELLIPSIS


def wrap(text: str, width: int, first: str = "", rest: str | None = None) -> list[str]:
    """Break cleaned text into lines of at most `width` cells; `first` and `rest` are put before the lines.

    >>> wrap("Sharpness fell to a third.", 16, "try: ", "     ")
    ['try: Sharpness', '     fell to a', '     third.']
    """
    rest = first if rest is None else rest
    width = max(width, cell_width(first) + 3, cell_width(rest) + 3)
    lines: list[str] = []
    line, empty = first, True
    for piece in clean(text).split():
        word = piece
        while True:
            room = width - cell_width(line) - (0 if empty else 1)
            if cell_width(word) <= room:
                line, empty = line + ("" if empty else " ") + word, False
                break
            if empty:  # one word wider than the whole line: break it where the line ends
                head = cut(word, max(room, 2))[:-1] or word[0]
                lines.append(line + head)
                word = word[len(head) :]
            else:
                lines.append(line)
            line, empty = rest, True
    if not empty or not lines:
        lines.append(line)
    return lines


def flow(pieces: Iterable[str], width: int, first: str = "", gap: str = "   ") -> list[str]:
    """Set pieces one after another, whole, in lines of at most `width` cells; `first` is put before the first line.

    >>> flow(["cpu 34%", "memory 51%", "disk 23%"], 24, "device  ", gap=", ")
    ['device  cpu 34%,', '        memory 51%,', '        disk 23%']
    """
    rest, lines, line = " " * cell_width(first), [], first
    empty = True
    for piece in map(clean, pieces):
        joined = line + ("" if empty else gap) + piece
        if not empty and cell_width(joined) > width:
            lines.append((line + gap).rstrip())
            joined = rest + piece
        line, empty = joined, False
    return [*(cut(one, width) for one in lines), cut(line, width)]


def width_of(line: Line) -> int:
    """Count the cells that a line takes up."""
    return sum(cell_width(text) for text, _ in line)


def plain(line: Line) -> str:
    """Give a line as text without its tones."""
    return "".join(clean(text) for text, _ in line).rstrip()


def pad(line: Line, width: int) -> Line:
    """Fill a line with spaces to `width` cells."""
    missing = width - width_of(line)
    return (*line, (" " * missing, "plain")) if missing > 0 else line


def clip(line: Line, width: int) -> Line:
    """Shorten a line to at most `width` cells."""
    if width_of(line) <= width:
        return line
    spans: list[Span] = []
    for text, tone in line:
        piece = cut(text, width)
        spans.append((piece, tone))
        width -= cell_width(piece)
        if width <= 0 or piece != clean(text):
            break
    return tuple(spans)


def heading(title: str, width: int, note: str = "", *, marked: bool = False) -> Line:
    """Give a rule across the width with a title in it and a note at its end; `marked` stands out."""
    title, note = cut(title, width - 4), clean(note)
    tail = f" {note} ─" if note else ""
    filler = "─" * max(0, width - cell_width(title) - 3 - cell_width(tail))
    rule: Tone = "accent" if marked else "rule"
    line: Line = (("▸" if marked else "─", rule), (f" {title} ", "accent" if marked else "strong"), (filler, rule))
    return clip((*line, (f" {note} ", "quiet"), ("─", rule)) if note else line, width)


def beside(left: Iterable[Line], right: Iterable[Line], left_width: int, gap: int = 2) -> list[Line]:
    """Put two columns of lines beside each other."""
    lefts, rights = list(left), list(right)
    height = max(len(lefts), len(rights))
    lefts += [()] * (height - len(lefts))
    rights += [()] * (height - len(rights))
    return [
        (*pad(clip(one, left_width), left_width), (" " * gap, "plain"), *two)
        for one, two in zip(lefts, rights, strict=True)
    ]
