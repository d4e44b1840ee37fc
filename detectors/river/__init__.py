"""river's detectors by name, for those who want them; none is loaded unless the configuration names it.

They stand outside the alarm budget: their own parameters decide how often they alarm (docs/detection.md has figures).
`river_factories` turns the `[[river]]` tables of the configuration into factories such as `detectors.FACTORIES` holds.
"""

from __future__ import annotations

from detectors.river.config import RiverConfig
from detectors.river.factories import error_factories, river_factories

__all__ = ["RiverConfig", "error_factories", "river_factories"]
