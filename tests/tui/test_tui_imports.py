from __future__ import annotations

import json
import subprocess
import sys


def _modules_after(code: str) -> set[str]:
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"],
        check=True,
        capture_output=True,
        text=True,
    )
    return {name.partition(".")[0] for name in json.loads(told.stdout)}


def test_dashboard_loads_no_numpy() -> None:
    """The whole dashboard, drawn once, has not loaded numpy: it would cost a third of its memory."""
    loaded = _modules_after(
        "import asyncio\n"
        "from tests.tui.driving import dashboard, drive\n"
        "from tests.tui.fake_cases import fouled\n"
        "async def nothing(pilot): pass\n"
        "drive(dashboard(fouled()), nothing)\n"
    )
    assert "textual" in loaded
    assert loaded.isdisjoint({"numpy", "pandas", "scipy", "duckdb", "aiohttp"})


def test_plain_text_loads_no_framework() -> None:
    """`driftline status` is quick because its text needs neither Textual nor Rich nor numpy."""
    loaded = _modules_after("import tui.text")
    assert loaded.isdisjoint({"textual", "rich", "numpy", "msgspec"})
