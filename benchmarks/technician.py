"""Does the screen alone say what is wrong? The six kinds of `driftline demo --drift`, each in a real terminal (tmux).

A demo runs at 140 by 45; once it has opened a finding, the screens are taken from the terminal and read: the cause that
is named first must be the demo's, the advice must fit, and an estimated accuracy may be shown only where it holds. The
finding's page is taken at 80 by 24, too, and of the demo TOURED every other screen. `--write` puts them into
docs/technician.md.

    python benchmarks/technician.py [--write] [kind ...]
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple, Self

PAGE = Path(__file__).parents[1] / "docs" / "technician.md"
SECONDS = 100  # of a demo: enough on a machine that is busy
FOUND_WITHIN_S, DRAWN_WITHIN_S = 90.0, 20.0
GROWS_S = 12.0  # a finding is shown once its fault is fully there
LOOK_S = 0.5
VERSION = version("driftline")
WIDE, NARROW = (140, 45), (80, 24)
RANDOM = re.compile(r"/demo-\w{8}(?=/)")  # the directory of a demo, as wide as what stands for it
MARKED = re.compile(r"(?P<mark><!-- screen (?P<kind>\S+) (?P<name>\S+) -->\n)(```text\n.*?\n```\n)?", re.DOTALL)


class Expected(NamedTuple):
    """What must be read: the likeliest cause, words of the advice; and whether an estimated accuracy may be shown."""

    cause: str
    advice: str
    estimate: bool


KINDS = {
    "fouling": Expected("camera lens dirty or out of focus", "Clean the lens", estimate=False),
    "dim": Expected("camera sees less light", "Check the lamp", estimate=True),
    "rotate": Expected("camera has been turned or has slipped", "firmly mounted", estimate=False),
    "stuck-pixel": Expected("stuck pixels in the camera", "recalibrate or replace", estimate=True),
    "class-mix": Expected("mix of classes has changed", "Nothing is broken", estimate=True),
    "slow": Expected("inference service itself has become slower", "Restart the service", estimate=True),
}


TOURED = "dim"
TOUR = {  # screen: the keys that lead there from the first one, and what is on it then
    "device": (("4", "Enter"), "▸ device"),
    "events": (("7",), "▸ events"),
    "log": (("8",), "▸ log"),
    "label": (("1", "Enter", "l"), "right"),
    "palette": ((":",), "go to"),
    "help": (("?",), "▸ help"),
    "link": (("6", "Enter"), "to send"),  # last: a first minute has to be over
}


class Terminal:
    """A program in a terminal of its own; `with` it, so that it is closed."""

    def __init__(self, name: str, command: list[str]) -> None:
        self._tmux = ["tmux", "-L", f"driftline-{name}", "-f", "/dev/null"]
        self._command = command

    def __enter__(self) -> Self:
        width, height = WIDE
        self._do("new-session", "-d", "-x", str(width), "-y", str(height), *self._command)
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False)

    def _do(self, *words: str) -> str:
        return subprocess.run([*self._tmux, *words], check=True, capture_output=True, text=True).stdout

    def text(self) -> str:
        """Return what is on the screen."""
        lines = [line.rstrip() for line in self._do("capture-pane", "-p").splitlines()]
        return "\n".join(lines).rstrip("\n")

    def resize(self, size: tuple[int, int]) -> None:
        """Make the terminal another size."""
        self._do("resize-window", "-x", str(size[0]), "-y", str(size[1]))

    def press(self, key: str, *, until: str) -> str:
        """Press a key, and return the screen once a text is on it."""
        self._do("send-keys", key)
        return self.wait(until, DRAWN_WITHIN_S)

    def wait(self, text: str, seconds: float) -> str:
        """Return the screen once a text is on it, and it has come to rest."""
        deadline = time.monotonic() + seconds
        while text not in (seen := self.text()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{text!r} did not appear:\n{seen}")
            time.sleep(LOOK_S)
        time.sleep(LOOK_S)
        return self.text()


def take(kind: str) -> dict[str, str]:
    """Run one demo, and return its screens by name."""
    with tempfile.TemporaryDirectory(prefix="demo-") as state:
        command = ["driftline", "demo", "--drift", kind, "--seconds", str(SECONDS), "--state", f"{state}/state"]
        with Terminal(kind, command) as terminal:
            terminal.wait("open finding", FOUND_WITHIN_S)
            time.sleep(GROWS_S)
            screens = {"overview-140x45": terminal.text()}
            screens["stream-140x45"] = terminal.press("Enter", until="█ both")
            terminal.press("BSpace", until="2 findings")
            terminal.press("2", until="▸ 2 findings")
            screens["finding-140x45"] = terminal.press("Enter", until="IT BEGAN")
            terminal.resize(NARROW)
            screens["finding-80x24"] = terminal.wait(VERSION, DRAWN_WITHIN_S)  # it stands at the end of the first line
            screens["overview-80x24"] = terminal.press("BSpace", until="2 findings")
            screens["stream-80x24"] = terminal.press("1", until="▸ 1 streams") and terminal.press(
                "Enter", until="6 about"
            )
            if kind == TOURED:
                screens |= tour(terminal)
            terminal.press("q", until="")
        return screens


def tour(terminal: Terminal) -> dict[str, str]:
    """Return the other screens, each entered from the first one."""
    screens = {}
    for name, (keys, said) in TOUR.items():
        terminal.press("Escape", until="")
        terminal.press("0", until="2 findings")
        for key in keys[:-1]:
            terminal.press(key, until="")
        screens[f"{name}-80x24"] = terminal.press(keys[-1], until=said)
    terminal.press("Escape", until="")
    return screens


def read(kind: str, screens: dict[str, str]) -> list[str]:
    """Read the screens as somebody without a manual, and return what is wrong with them."""
    expected, wrong = KINDS[kind], []
    for name, text in screens.items():
        flat = " ".join(re.sub(r"[─▸]", " ", text).split())
        if name.startswith(("overview", "finding")):
            wrong += [f"{name} does not say {part!r}" for part in expected[:2] if part not in flat]
    first = re.search(r"^\s+\d+% █+\s+(.*?)\s+\(\w+\)", screens["finding-80x24"], re.MULTILINE)
    if first is None or first[1] != expected.cause:
        wrong.append(f"the likeliest cause is {first[1] if first else 'missing'}")
    shown = {name for name, text in screens.items() if re.search(r"estimated accuracy\s+\d", text)}
    if shown and not expected.estimate:
        wrong.append(f"an estimated accuracy that does not hold is shown: {', '.join(sorted(shown))}")
    return wrong


def write(taken: dict[str, dict[str, str]]) -> None:
    """Put the screens into the page, behind the marks that name them. Raises KeyError for a mark without a screen."""

    def marked(found: re.Match[str]) -> str:
        kind, name = found["kind"], found["name"]
        return f"{found['mark']}```text\n{taken[kind][name]}\n```\n" if kind in taken else found[0]

    PAGE.write_text(RANDOM.sub("/demo-camera07", MARKED.sub(marked, PAGE.read_text())))


def main() -> int:
    """Run the demos that the command line names, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the screens into docs/technician.md")
    parser.add_argument("kinds", nargs="*", metavar="kind", help=", ".join(KINDS))
    asked = parser.parse_args()
    unknown = set(asked.kinds) - set(KINDS)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: not among {', '.join(KINDS)}")
    if shutil.which("tmux") is None:
        print("tmux is not installed: nothing was run")
        return 0
    failed, taken = 0, {}
    for kind in asked.kinds or KINDS:
        taken[kind] = take(kind)
        wrong = read(kind, taken[kind])
        failed += bool(wrong)
        print(f"{kind:12} {'right' if not wrong else '; '.join(wrong)}", flush=True)
    if asked.write:
        write(taken)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
