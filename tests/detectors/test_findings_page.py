"""The page about findings states the limits that the code has."""

from __future__ import annotations

from pathlib import Path

import pytest

from detectors.severity import LIMITS

PAGE = Path(__file__).parents[2] / "docs" / "findings.md"


@pytest.mark.parametrize("name", LIMITS)
def test_the_table_of_severities_is_that_of_the_code(name: str) -> None:
    """Each limit stands on the page with the size that makes it a warning and the size that makes it critical."""
    row = next(line for line in PAGE.read_text().splitlines() if line.startswith(f"| {name} |"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert (float(cells[2]), float(cells[3])) == (LIMITS[name].warning, LIMITS[name].critical)
