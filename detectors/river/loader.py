"""Loading one of river's classes, and no more of river than that class needs.

`import river.drift` runs the package's `__init__`, which imports KSWIN and with it scipy.stats and scikit-learn: 109 MB
for an ADWIN that needs 4 (benchmarks/imports.py). So the packages on the way stand in for themselves, without their
`__init__`, while the one module is imported. The module is then river's own under its own name, and a later
`import river.drift` finds it there. Should a release of river not stand for that, the package is imported as usual.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from detectors.river.catalogue import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ON_THE_WAY = ("river.drift", "river.drift.binary", "river.anomaly", "river.tree")


class DriftDetector(Protocol):
    """What river's drift detectors have in common."""

    drift_detected: bool

    def update(self, x: float) -> None:
        """Take one value in; `drift_detected` is about it."""
        ...


def river_version() -> str:
    """Return the version of river that is installed."""
    return str(importlib.import_module("river").__version__)


def make_river(name: str, parameters: Mapping[str, object]) -> Any:
    """Make one of river's objects by its name in the catalogue. Raises ImportError, or ValueError as river does."""
    kind = KINDS[name]
    defaults = {"seed": kind.parameters["seed"].default} if "seed" in kind.parameters else {}
    return getattr(load(f"river.{kind.module}"), kind.cls)(**{**defaults, **parameters})


def load(module: str) -> ModuleType:
    """Import a module of river's without the `__init__` of the packages ON_THE_WAY. Raises ImportError."""
    try:
        with _bare_packages():
            return importlib.import_module(module)
    except (ImportError, AttributeError):  # another layout than the one that was tried
        return importlib.import_module(module)


@contextmanager
def _bare_packages() -> Iterator[None]:
    """Put packages that have only their path into `sys.modules` where none is loaded, and take them out again."""
    home = importlib.import_module("river").__path__[0]
    added = []
    try:
        for package in ON_THE_WAY:
            if package not in sys.modules:
                bare = ModuleType(package)
                bare.__path__ = ["/".join((home, *package.split(".")[1:]))]
                sys.modules[package] = bare
                added.append(package)
        yield
    finally:
        for package in added:
            del sys.modules[package]
