"""The first row of a CSV: what its columns are called, and what stands between them."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DELIMITERS = (",", ";", "\t", "|")


class TableError(Exception):
    """The file cannot be used; the message names file, row and column (rows are data rows, counted from 0)."""


def read_header(path: Path) -> tuple[list[str], str]:
    """Return the names of the columns and the delimiter. Raises TableError where the first row names none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline(1_000_000)
    except (UnicodeDecodeError, OSError) as error:
        raise TableError(f"{path}: row 0: not a text file in UTF-8 ({error})") from error
    delimiter = max(DELIMITERS, key=first.count)
    names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
    if not any(names):
        raise TableError(f"{path}: the file is empty; the first row must name the columns")
    for at, name in enumerate(names):
        if not name:
            raise TableError(f"{path}: header: column {at} has no name")
        if name in names[:at]:
            raise TableError(f"{path}: header: two columns are named {name}")
    if _is_data(names):
        raise TableError(f"{path}: the first row is numbers ({', '.join(names[:4])}); it must name the columns")
    return names, delimiter


def _is_data(names: Sequence[str]) -> bool:
    """Tell a row of data from names; columns that are counted through are named by their numbers.

    >>> _is_data(["0.31", "20", "3e-5"]), _is_data(["0", "1", "2"]), _is_data(["x", "1"])
    (True, False, False)
    """
    try:
        numbers = [float(name) for name in names]
    except ValueError:
        return False
    return len(numbers) > 1 and numbers != [numbers[0] + at for at in range(len(numbers))]
