"""A real MQTT broker for tests."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.servers.programs import RECIPES, free_port, is_open, need_program, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def running_mosquitto(folder: Path, extra: str = "") -> Iterator[int]:
    """Run a broker as the recipe says, with lines of configuration besides; yields its port."""
    port, config = free_port(), folder / "mosquitto.conf"
    recipe = (RECIPES / "mosquitto.conf").read_text(encoding="utf-8")
    ours = recipe.replace("listener 1883 127.0.0.1", f"listener {port} 127.0.0.1").replace(
        "/var/lib/mosquitto/", f"{folder}/"
    )
    assert f"listener {port} " in ours
    config.write_text(f"{ours}\n{extra}\n", encoding="utf-8")
    folder.chmod(0o777)  # started by root, it goes on as a user of its own
    with running([need_program("mosquitto", "mosquitto"), "-c", str(config)], folder, lambda: is_open(port)):
        yield port
