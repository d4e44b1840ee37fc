"""Programs that tests start: found on PATH, run on free loopback ports with temporary data, and stopped again.

One that is not installed skips its test on a user's machine, and fails it where CI=true: there it must be there.
"""

from __future__ import annotations

import contextlib
import http.client
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from tests.absent import absent
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

RECIPES = Path(__file__).resolve().parents[2] / "deploy" / "forwarding"


def need_program(name: str, package: str) -> str:
    """Return the path of a program; where it is missing the test is skipped, or fails in CI."""
    path = shutil.which(name)
    if path is None:
        absent(f"{name} is not installed (Debian: apt install {package})")
    return path


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def is_open(port: int) -> bool:
    """Whether something listens on a loopback port."""
    with socket.socket() as caller:
        caller.settimeout(1)
        return caller.connect_ex(("127.0.0.1", port)) == 0


def answers(url: str) -> bool:
    """Whether an address answers anything over HTTP: a port can be open before its server is ready."""
    try:
        urllib.request.urlopen(url, timeout=1).close()
    except urllib.error.HTTPError:
        return True
    except (OSError, http.client.HTTPException):
        return False
    return True


def fetch(url: str, **parameters: str) -> bytes:
    """Return what an address answers; raises AssertionError with the server's words where it refuses."""
    try:
        with urllib.request.urlopen(f"{url}?{urllib.parse.urlencode(parameters)}", timeout=10) as answer:
            found: bytes = answer.read()
            return found
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{url} {parameters}: {error.read().decode()}") from error


def is_well(url: str) -> bool:
    """Whether an address answers that all is well."""
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def flags(recipe: str) -> list[str]:
    """Return the flags that a recipe lists, one a line."""
    lines = (RECIPES / recipe).read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


@contextlib.contextmanager
def running(
    command: Sequence[str],
    folder: Path,
    ready: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """Run a program until the block ends; it begins when the program is ready. Its output is a log below `folder`."""
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, env=environment)

    def up() -> bool:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        return ready()

    try:
        wait_until(up, f"{log.stem} to be ready")
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)
