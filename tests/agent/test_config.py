from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import pytest

from agent.config import ConfigError, find_config, read_config

if TYPE_CHECKING:
    from pathlib import Path


class Alarms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A section."""

    budget_days: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    by: Literal["mail", "horn"] = "horn"
    days: float | None = None


class Root(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A configuration."""

    site: str = ""
    alarms: Alarms = Alarms()


def _read(tmp_path: Path, text: str) -> Root:
    path = tmp_path / "driftline.toml"
    path.write_text(text)
    return read_config(path, Root)


def _refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        _read(tmp_path, text)
    return str(caught.value).removeprefix(f"{tmp_path}/")


def test_an_empty_file_gives_every_default(tmp_path: Path) -> None:
    """Zero configuration works."""
    assert _read(tmp_path, "") == Root()


def test_values_are_read_into_their_section(tmp_path: Path) -> None:
    """A section's keys become its record's fields."""
    assert _read(tmp_path, 'site = "plant-7"\n[alarms]\nbudget_days = 7\n') == Root("plant-7", Alarms(7.0))


def test_a_misspelt_key_is_named_with_its_line_and_the_nearest_key(tmp_path: Path) -> None:
    """A typo names file, line, key, and what would be accepted."""
    near = "did you mean budget_days? [alarms] accepts budget_days, by, days"
    assert f"driftline.toml:3: unknown key alarms.budget_day: {near}" == _refusal(
        tmp_path, 'site = "a"\n[alarms]\nbudget_day = 7\n'
    )


def test_an_unknown_section_is_named(tmp_path: Path) -> None:
    """A section that no part declares is refused."""
    refusal = _refusal(tmp_path, "[alarm]\nbudget_days = 7\n")
    assert refusal == "driftline.toml:1: unknown key alarm: did you mean alarms? the top level accepts alarms, site"


def test_a_wrong_type_quotes_key_and_value(tmp_path: Path) -> None:
    """A value of the wrong type is quoted with the type that would be accepted."""
    refusal = _refusal(tmp_path, '\n[alarms]\nbudget_days = "often"\n')
    assert refusal == "driftline.toml:3: alarms.budget_days = 'often': accepted is a number"


def test_a_value_out_of_bounds_says_the_bound(tmp_path: Path) -> None:
    """A value that makes no sense is refused with the bound."""
    refusal = _refusal(tmp_path, "[alarms]\nbudget_days = 0\n")
    assert refusal == "driftline.toml:2: alarms.budget_days = 0: accepted is a number > 0.0"


def test_a_value_that_is_none_of_the_choices_says_them(tmp_path: Path) -> None:
    """What would be accepted is said in words, not in Python's types."""
    assert (
        _refusal(tmp_path, '[alarms]\nby = "flag"\n')
        == "driftline.toml:2: alarms.by = 'flag': accepted: 'mail', 'horn'"
    )
    assert _refusal(tmp_path, '[alarms]\ndays = "7"\n') == "driftline.toml:2: alarms.days = '7': accepted is a number"


def test_a_file_that_is_not_toml_says_where(tmp_path: Path) -> None:
    """A syntax error names line and column."""
    assert "line 1, column" in _refusal(tmp_path, "site = = 3")


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    """--config with a wrong path is an error, not the defaults."""
    with pytest.raises(ConfigError, match="no such file"):
        find_config(str(tmp_path / "nothing.toml"))


def test_the_environment_names_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """$DRIFTLINE_CONFIG is read where --config is not given."""
    path = tmp_path / "mine.toml"
    path.touch()
    monkeypatch.setenv("DRIFTLINE_CONFIG", str(path))
    assert find_config(None) == path
