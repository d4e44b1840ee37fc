"""What the dashboard costs: start, bytes on a serial line, processor, memory, a day, and a device with far too much.

Run: python benchmarks/screen.py [--seconds 30] [--answers 86400] [part ...]; parts are `idle`, `slow`, `many`, `day`.
`driftline top` runs in a pseudo-terminal against a stub of an agent's socket, whose figures move with each answer as a
live device's do; nobody presses a key. Processor time and memory are the dashboard's own, the stub is this process.
`day` is 86,400 answers (24 hours of one a second; `--answers` for fewer) given to a dashboard without a terminal as
fast as it takes them, with every screen visited meanwhile. Exit status 1 where a budget is passed.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import http.server
import os
import pty
import select
import socketserver
import struct
import sys
import tempfile
import termios
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psutil

sys.path[0] = str(Path(__file__).parents[1])  # a script beside this one is called agent

from agent.client import SOCKET_NAME  # noqa: E402
from tests.tui.fake_cases import CASES  # noqa: E402
from tests.tui.story import moved  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.status import Status

START_S, CPU_PERCENT, RSS_MB, BYTES_S = 1.0, 5.0, 60.0, 4_000.0
SLOW_BYTES_S = 400.0  # a third of what a line of 9,600 baud carries, and a margin for keys
GROWTH_MB = 3.0  # of a day; an allocator's noise
SETTLE_S = 5.0
XTERM, CONSOLE = "xterm-256color", "linux"


class Stub(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers as an agent with this status would; the figures move from answer to answer."""

    daemon_threads = True

    def __init__(self, path: Path, status: Status) -> None:
        super().__init__(str(path), _Handler)
        self.status, self.step = status, 0

    def answer(self) -> bytes:
        """Return the next status."""
        self.step += 1
        return msgspec.json.encode(moved(self.status, self.step))


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Stub)
        known = self.path.startswith("/v1/status")
        body = self.server.answer() if known else b"[]"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Seen:
    """What a dashboard wrote, and what it cost from when it had settled."""

    def __init__(
        self, case: str, seconds: float, *options: str, size: tuple[int, int] = (80, 24), term: str = XTERM
    ) -> None:
        self.term = term
        with tempfile.TemporaryDirectory() as run:
            stub = Stub(Path(run) / SOCKET_NAME, CASES[case]())
            threading.Thread(target=stub.serve_forever, daemon=True).start()
            self._look(run, seconds, options, size)
            stub.shutdown()
            stub.server_close()

    def _look(self, run: str, seconds: float, options: tuple[str, ...], size: tuple[int, int]) -> None:
        began = time.perf_counter()
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ |= {"TERM": self.term, "COLORTERM": "truecolor" if self.term == XTERM else ""}
            command = [sys.executable, "-m", "agent", "top", "--run", run, *options]
            os.execv(sys.executable, command)  # noqa: S606  # this product
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        process = psutil.Process(pid)
        self.first_s, self.first_bytes = self._until_drawn(terminal, began)
        self.start_cpu_s = sum(process.cpu_times()[:2])
        _read(terminal, SETTLE_S)
        before, at = sum(process.cpu_times()[:2]), time.perf_counter()
        self.bytes_s = len(_read(terminal, seconds)) / seconds
        self.cpu_percent = 100 * (sum(process.cpu_times()[:2]) - before) / (time.perf_counter() - at)
        self.rss_mb = process.memory_info().rss / 1e6
        os.write(terminal, b"q")
        _read(terminal, 2.0)
        process.kill()
        os.waitpid(pid, 0)
        os.close(terminal)

    @staticmethod
    def _until_drawn(terminal: int, began: float) -> tuple[float, int]:
        """Wait for the last line of the first screen, with what the agent said above it."""
        text = b""
        while b"quit" not in text or b"cpu" not in text:
            if time.perf_counter() - began > 30:
                raise TimeoutError("no screen was drawn in 30 s")
            text += _read(terminal, 0.01)
        return time.perf_counter() - began, len(text)


def _read(terminal: int, seconds: float) -> bytes:
    until, out = time.perf_counter() + seconds, b""
    while (left := until - time.perf_counter()) > 0:
        if select.select([terminal], [], [], left)[0]:
            try:
                out += os.read(terminal, 65_536)
            except OSError:  # it has ended
                break
    return out


def idle(seconds: float) -> bool:
    """Three streams and a finding, nobody at the keys, on 80 by 24, in full colour and on a console."""
    fits = True
    for term in (XTERM, CONSOLE):
        seen = Seen("fouled", seconds, term=term)
        print(f"TERM={term}")
        print(f"    first full screen  {seen.first_s:8.2f} s, processor {seen.start_cpu_s:.2f} s  budget {START_S} s")
        print(f"    in                 {seen.first_bytes:8,} bytes")
        print(f"    while idle         {seen.bytes_s:8,.0f} bytes/s  budget {BYTES_S:,.0f}")
        print(f"    processor          {seen.cpu_percent:8.1f} % of a core  budget {CPU_PERCENT}")
        print(f"    resident           {seen.rss_mb:8.1f} MB  budget {RSS_MB}")
        fits &= seen.first_s <= START_S and seen.bytes_s <= BYTES_S
        fits &= seen.cpu_percent <= CPU_PERCENT and seen.rss_mb <= RSS_MB
    return fits


def slow(seconds: float) -> bool:
    """Look at the same on a console, with `--slow`."""
    seen = Seen("fouled", seconds, "--slow", term=CONSOLE)
    print("--slow")
    print(f"    in                 {seen.first_bytes:8,} bytes")
    print(f"    while idle         {seen.bytes_s:8,.0f} bytes/s  budget {SLOW_BYTES_S:,.0f}")
    print(f"    processor          {seen.cpu_percent:8.1f} % of a core")
    return seen.bytes_s <= SLOW_BYTES_S and seen.cpu_percent <= CPU_PERCENT


def many(seconds: float) -> bool:
    """Look at two hundred streams and five thousand findings on 140 by 45, which are asked for less often."""
    seen = Seen("many", seconds, size=(140, 45))
    print("200 streams, 5,000 findings, 140 by 45")
    print(f"    while idle         {seen.bytes_s:8,.0f} bytes/s")
    print(f"    processor          {seen.cpu_percent:8.1f} % of a core  budget {CPU_PERCENT}")
    print(f"    resident           {seen.rss_mb:8.1f} MB")
    return seen.cpu_percent <= CPU_PERCENT


def day(answers: int) -> bool:
    """Give hours of answers, one a second, with a screen of each kind visited every ten minutes of them."""
    from tests.tui.driving import dashboard  # noqa: PLC0415  # loads Textual
    from tui.feed import Answered  # noqa: PLC0415

    status = CASES["fouled"]()
    app, own, sizes = dashboard(status), psutil.Process(), list[float]()

    async def run() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            for step in range(1, answers + 1):
                app.post_message(Answered(moved(status, step)))
                await asyncio.sleep(0)
                if step % 20 == 0:  # what is still queued would be replaced, and not drawn
                    await pilot.pause()
                if step % 600 == 0:
                    for key in ("enter", "escape", "7", "8", "4", "enter", "6", "enter", "0"):
                        await pilot.press(key)
                if step % (answers // 8) == 0:
                    sizes.append(own.memory_info().rss / 1e6)
                    print(f"    after {timedelta(seconds=step)}  {sizes[-1]:.1f} MB", flush=True)

    asyncio.run(run())
    growth = sizes[-1] - sizes[1]
    print(f"    growth after the first quarter {growth:.1f} MB  budget {GROWTH_MB}")
    return growth <= GROWTH_MB


PARTS: dict[str, Callable[[float], bool]] = {"idle": idle, "slow": slow, "many": many}


def main() -> None:
    """Measure the parts that were asked for, all but the day where none was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--answers", type=int, default=86_400)
    parser.add_argument("parts", nargs="*", help="idle, slow, many, day; without any: all but the day")
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"load average {load:.1f} on {os.cpu_count()} cores")
    results = [day(asked.answers) if part == "day" else PARTS[part](asked.seconds) for part in asked.parts or PARTS]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
