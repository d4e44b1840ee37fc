from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from agent.clock import ManualClock
from collectors import FACTORIES

if TYPE_CHECKING:
    from pathlib import Path


def test_the_table_loads_nothing() -> None:
    """Importing the package costs neither numpy nor psutil."""
    code = "import sys, collectors; print(sorted({'numpy', 'psutil'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_factory_makes_a_collector_of_its_name(tmp_path: Path) -> None:
    """A collector is registered under its own name, has nothing to say of an empty place, and closes twice."""
    clock = ManualClock()
    made = {"rings": FACTORIES["rings"]([tmp_path], clock), "host": FACTORIES["host"](clock)}
    assert made.keys() == FACTORIES.keys()
    for name, collector in made.items():
        assert name == collector.name
        assert isinstance(collector.collect(), list)
        collector.close()
        collector.close()
