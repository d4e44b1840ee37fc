"""Reading `driftline.toml` into typed records, with errors that a person can act on. Knows no section itself.

Each part of the agent declares its section beside itself as a frozen `msgspec.Struct`, units in the names, a reason
with each default; `agent.wiring` puts the sections together. This module finds the file and turns it into the record.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar, get_args

import msgspec

T = TypeVar("T", bound=msgspec.Struct)


class ConfigError(Exception):
    """The configuration cannot be used. The message names file, line, key and what would be accepted."""


class ValueRefusedError(ValueError):
    """A section refuses the value of one of its keys; `key` is counted from the section. For `__post_init__`.

    secret: whether the value must not be repeated.
    """

    def __init__(self, key: str, why: str, *, secret: bool = False) -> None:
        super().__init__(why)
        self.key = key
        self.secret = secret


def find_config(chosen: str | None) -> Path | None:
    """Return the configuration file to read, or None where there is none: zero configuration works.

    In order: `chosen` (--config), $DRIFTLINE_CONFIG, /etc/driftline/driftline.toml,
    $XDG_CONFIG_HOME/driftline/driftline.toml. One that was named must exist. Raises ConfigError.
    """
    for named, source in ((chosen, "--config"), (os.environ.get("DRIFTLINE_CONFIG"), "$DRIFTLINE_CONFIG")):
        if named:
            path = Path(named)
            if not path.is_file():
                raise ConfigError(f"{named}: no such file (named by {source})")
            return path
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    for path in (Path("/etc/driftline/driftline.toml"), home / "driftline" / "driftline.toml"):
        if path.is_file():
            return path
    return None


def read_config(path: Path, kind: type[T]) -> T:
    """Read a TOML file into a record of type `kind`. Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    _refuse_unknown_keys(path, text, data, kind, ())
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        keys = tuple(filter(None, where.rstrip("`").split(".")))  # none where the whole refuses
        if isinstance(error.__cause__, ValueRefusedError):
            keys = (*keys, *error.__cause__.key.split("."))
        shown = f" = {_lookup(data, keys)!r}"
        if isinstance(error.__cause__, ValueRefusedError) and error.__cause__.secret:
            shown = ""
        said = _in_words(what, _annotation(kind, keys))
        raise ConfigError(f"{path}:{_line_of(text, keys)}: {'.'.join(keys)}{shown}: {said}") from error


def _refuse_unknown_keys(path: Path, text: str, data: dict[str, Any], kind: Any, above: tuple[str, ...]) -> None:
    """Raise on the first key that no section declares, with the nearest one that is declared."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for key, value in data.items():
        keys = (*above, key)
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            accepted = ", ".join(sorted(fields))
            place = _place(above)
            raise ConfigError(
                f"{path}:{_line_of(text, keys)}: unknown key {'.'.join(keys)}: {hint}{place} accepts {accepted}"
            )
        section = _struct_of(fields[key].type)
        tables = (
            [((*above, f"{key}[{at}]"), entry) for at, entry in enumerate(value)] if isinstance(value, list) else []
        )
        for place_of, table in [(keys, value), *tables]:
            if section is not None and isinstance(table, dict):
                _refuse_unknown_keys(path, text, table, section, place_of)


def _place(keys: tuple[str, ...]) -> str:
    """Name a section as the file does.

    >>> _place(("alarms",)), _place(("river[1]",)), _place(())
    ('[alarms]', '[[river]]', 'the top level')
    """
    names = ".".join(_indexed(key)[0] for key in keys)
    brackets = "[[{}]]" if any(_indexed(key)[1] is not None for key in keys) else "[{}]"
    return brackets.format(names) if names else "the top level"


def _struct_of(annotation: Any) -> Any:
    """Return the section's record type behind an annotation, or None for a plain value."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, msgspec.Struct):
            return candidate
    return None


def _lookup(data: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        name, at = _indexed(key)
        data = data.get(name) if isinstance(data, dict) else data
        data = data[at] if at is not None and isinstance(data, list) else data
    return data


def _indexed(key: str) -> tuple[str, int | None]:
    """Take a key apart: `river[2]` is the third table of an array of tables.

    >>> _indexed("river[2]"), _indexed("alarms"), _indexed("parameters[...]")
    (('river', 2), ('alarms', None), ('parameters', None))
    """
    name, _, at = key.partition("[")
    return name, int(at[:-1]) if at[:-1].isdigit() else None


def _line_of(text: str, keys: tuple[str, ...]) -> int:
    """Find the line on which a key is set; tomllib does not tell. Its section's line, or 1, where it is not found."""
    section: tuple[str, ...] = ()
    counts: dict[str, int] = {}  # tables seen of each array of tables
    found = 1
    parts = [(name, at or 0) for name, at in map(_indexed, keys)]
    *above, last = (name for name, _ in parts)
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*(\[+)\s*([^\]]+?)\s*\]+", line):
            section = tuple(part.strip(" \"'") for part in header[2].split("."))
            if header[1] == "[[":
                counts[section[0]] = counts.get(section[0], -1) + 1
        right = not section or counts.get(section[0], 0) == parts[0][1]
        if not right:
            continue
        if header and section in {tuple(above[: len(section)]), (*above, last)}:
            found = number
        elif not header and _sets(line, section, (*above, last)):
            found = number
            if section == tuple(above):
                return number
    return found


def _sets(line: str, section: tuple[str, ...], keys: tuple[str, ...]) -> bool:
    """Tell whether a line under `section` sets the next of `keys`, on its own or as an inline table that holds it."""
    rest = keys[len(section) :]
    if section != keys[: len(section)] or not rest:
        return False
    return re.match(rf"\s*[\"']?{re.escape(rest[0])}[\"']?\s*=", line) is not None


_WORDS = {
    "float": "a number", "int": "a whole number", "str": "a text in quotes", "bool": "true or false",
    "array": "a list", "object": "a table",
}  # fmt: skip


def _annotation(kind: Any, keys: tuple[str, ...]) -> Any:
    """Return the declared type of a key; None where no section declares it."""
    for key in keys:
        section = _struct_of(kind)
        fields = {field.encode_name: field for field in msgspec.structs.fields(section)} if section else {}
        kind = fields[_indexed(key)[0]].type if _indexed(key)[0] in fields else None
    return kind


def _in_words(what: str, annotation: Any) -> str:
    """Say in words what is accepted where msgspec says it in Python's.

    >>> _in_words("Expected `float | null`, got `str`", None), _in_words("Expected `int` >= 1", None)
    ('accepted is a number', 'accepted is a whole number >= 1')
    """
    if what.startswith("Invalid enum value"):
        return f"accepted: {', '.join(repr(choice) for choice in get_args(annotation))}"
    if found := re.fullmatch(r"Expected `(\w+)(?: \| null)?`(?:, got .*|( .*))?", what):
        return f"accepted is {_WORDS.get(found[1], found[1])}{found[2] or ''}"
    return what[:1].lower() + what[1:]
