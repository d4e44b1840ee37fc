"""Whether this installation can write a report. Imports nothing of Evidently: that alone would take seconds."""

from __future__ import annotations

import importlib.metadata

INSTALL = "pip install 'driftline[report]' (with pipx: pipx install --force 'driftline[report]')"
PANDAS_BELOW = (3, 1)  # Evidently 0.7.23 does not load with pandas 3.1 or later, and does not say so


def missing() -> str | None:
    """Say what has to be installed before a report can be written, or None where nothing has."""
    try:
        importlib.metadata.version("evidently")
        pandas = importlib.metadata.version("pandas")
    except importlib.metadata.PackageNotFoundError as error:
        return f"a report needs {error.name}, which is not installed; install the extra: {INSTALL}"
    if tuple(int(part) for part in pandas.split(".")[:2]) >= PANDAS_BELOW:
        return f"Evidently does not load with pandas {pandas}; a version below 3.1 comes with the extra: {INSTALL}"
    return None
