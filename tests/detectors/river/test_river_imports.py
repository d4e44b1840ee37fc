from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("river", "scipy", "scipy.stats", "sklearn", "pandas")

CHILD = """
import json, sys
import numpy as np
import agent.daemon, agent.replay, agent.wiring
from detectors import fit_reference
from detectors.river import RiverConfig
entries = tuple(RiverConfig(name, ("*",)) for name in sys.argv[1:])
factories = agent.wiring.make_factories(agent.wiring.Config(river=entries))
values = np.random.default_rng(0).normal(size=(100, 2))
values[:, 0] = values[:, 0] > 0
reference = fit_reference(values, ["a", "b"])
for make, share in factories.detectors.values():
    make(reference, 1e6)
print(json.dumps(sorted(sys.modules)))
"""


def _loaded(*names: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", CHILD, *names], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(HEAVY) & set(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), set()),
        (("adwin",), {"river"}),
        (("fhddm",), {"river"}),
        (("page_hinkley", "ddm", "half_space_trees"), {"river", "scipy"}),
        (("kswin",), {"river", "scipy", "scipy.stats"}),
    ],
)
def test_an_agent_loads_of_river_what_its_configuration_names(names: tuple[str, ...], expected: set[str]) -> None:
    """Nothing by default; scipy only for what needs it, and never scikit-learn."""
    assert _loaded(*names) == expected


def test_the_rest_of_river_can_still_be_imported() -> None:
    """After one class was loaded alone, `import river.drift` gives the whole package, with that same class."""
    code = (
        "from detectors.river.loader import make_river\n"
        "adwin = type(make_river('adwin', {}))\n"
        "import river.drift\n"
        "assert river.drift.ADWIN is adwin and river.drift.binary.DDM and river.drift.KSWIN"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
