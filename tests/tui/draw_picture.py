"""Draws the dashboard's picture for the documentation: `python -m tests.tui.draw_picture [file.svg] [case] [theme]`.

It shows the scripted status of a fouled camera, always the same one.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from tests.tui.driving import dashboard, until_drawn
from tests.tui.fake_cases import CASES
from tui import palette

SIZE = (120, 36)


async def draw(case: str, theme: str) -> str:
    """Give one picture as SVG."""
    app = dashboard(CASES[case]())
    async with app.run_test(size=SIZE) as pilot:
        app.theme = theme
        await until_drawn(pilot)
        return app.export_screenshot(title="driftline top")


def main() -> None:
    """Draw what the command line asks for."""
    os.environ["TZ"] = "UTC"
    os.environ["COLORTERM"] = "truecolor"
    time.tzset()
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "docs" / "images" / "dashboard.svg"
    path.parent.mkdir(parents=True, exist_ok=True)
    case, theme = (*sys.argv[2:], None, None)[:2]
    path.write_text(asyncio.run(draw(case or "fouled", theme or palette.DARK)))


if __name__ == "__main__":
    main()
