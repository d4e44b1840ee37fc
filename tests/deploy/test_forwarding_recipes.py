"""What the recipes say that their servers do not show by running; tests/integration and tests/faults start them."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import msgspec

from exporters.bounds import MAX_SERIES
from exporters.forwarding.config import DestinationConfig
from tests.servers.collector import need_collector
from tests.servers.programs import RECIPES, need_program

ROOT = Path(__file__).resolve().parents[2]


def test_the_destinations_are_such_as_the_agent_takes() -> None:
    """Each table is a destination, with its address, secrets and headers."""
    tables = tomllib.loads((RECIPES / "driftline.toml").read_text(encoding="utf-8"))
    found = msgspec.convert(tables["destination"], list[DestinationConfig])
    assert [one.kind for one in found] == ["otlp", "remote-write", "mqtt"]


def test_prometheus_and_mimir_take_the_same_past() -> None:
    """A month offline is taken by each of them."""
    key = "out_of_order_time_window: 35d"
    assert [name for name in ("prometheus.yml", "mimir.yaml") if key not in (RECIPES / name).read_text("utf-8")] == []


def test_prometheus_accepts_the_configuration() -> None:
    """`promtool check config` has nothing to say."""
    done = subprocess.run(
        [need_program("promtool", "prometheus"), "check", "config", str(RECIPES / "prometheus.yml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_collector_accepts_the_configuration_as_it_is(tmp_path: Path) -> None:
    """Without a variable set, but for the folder of its queue."""
    done = subprocess.run(
        [need_collector(), "validate", "--config", str(RECIPES / "collector.yaml")],
        capture_output=True, text=True, check=False, env={**os.environ, "DRIFTLINE_QUEUE": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_mimir_is_told_how_many_series_a_device_has() -> None:
    """The figure of the recipe is the bound that a device keeps."""
    said = re.search(r"at most ([\d,]+) series", (RECIPES / "mimir.yaml").read_text(encoding="utf-8"))
    assert said
    assert int(said[1].replace(",", "")) == MAX_SERIES


def test_the_page_names_every_file() -> None:
    """No recipe without a word on how it is used."""
    page = (RECIPES / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in RECIPES.iterdir() if path.name not in page and path.name != "README.md"] == []
