import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.parse
import zipfile
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.absent import absent

ROOT = Path(__file__).resolve().parents[1]
OWN = {"driftline", "driftline-probe"}
GENERIC = {"agent", "collectors", "detectors", "exporters", "tui", "examples", "tests", "grafana", "benchmarks"}
# Debian 12, Ubuntu 22.04 and JetPack 6 have glibc 2.34 and later; these tags run there.
ARM64 = ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")


def project(path: str) -> dict[str, Any]:
    """Return the [project] table of a pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((ROOT / path).read_text(encoding="utf-8"))
    return table


def runtime_closure() -> dict[str, str]:
    """Return name -> version of all that `driftline[onnx,report,river]` brings, as pinned, without our own."""
    pinned = dict(line.split("==") for line in constraint_lines())
    pinned = {canonicalize_name(name): version for name, version in pinned.items()}
    waiting = [Requirement("driftline[onnx,report,river]")]
    found: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for text in importlib.metadata.requires(name) or ():
            needed = Requirement(text)
            extras = [{"extra": extra} for extra in ("", *requirement.extras)]
            wanted = needed.marker is None or any(needed.marker.evaluate(extra) for extra in extras)
            if wanted and canonicalize_name(needed.name) not in found:
                found.add(canonicalize_name(needed.name))
                waiting.append(needed)
    return {name: pinned[name] for name in sorted(found - OWN)}


def installed_for_any_machine(name: str, version: str) -> bool:
    """Tell whether the pinned version is what is installed here, from a wheel without machine code."""
    distribution = importlib.metadata.distribution(name)
    tags = re.findall(r"^Tag: (.+)$", distribution.read_text("WHEEL") or "", flags=re.MULTILINE)
    return distribution.version == version and bool(tags) and all(tag.endswith("-none-any") for tag in tags)


def constraint_lines() -> list[str]:
    """Return the lines of constraints.txt that are not comments."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pip; a package index that cannot be reached skips the test, or fails it in CI."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries", "1", *arguments],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    if re.search(r"(?i)connection|network is unreachable|name resolution|timed out|proxyerror", done.stderr):
        absent(f"the package index cannot be reached: {done.stderr.strip().splitlines()[-1]}")
    return done


def test_supported_pythons_are_declared() -> None:
    """The agent asks for 3.11 or later, the probe for 3.9 or later, and the linter holds each to its own."""
    main, probe = project("pyproject.toml"), project("probe/pyproject.toml")
    assert main["project"]["requires-python"] == ">=3.11"
    assert probe["project"]["requires-python"] == ">=3.9"
    assert main["tool"]["ruff"]["target-version"] == "py311"
    assert main["tool"]["ruff"]["per-file-target-version"] == {"probe/**": "py39"}


def test_the_probe_has_no_dependencies() -> None:
    """Nothing is installed into a watched service but the probe itself."""
    assert project("probe/pyproject.toml")["project"]["dependencies"] == []
    assert "optional-dependencies" not in project("probe/pyproject.toml")["project"]


def test_constraints_are_exact_versions() -> None:
    """Each line is name==version: no URL, no range, no name twice."""
    lines = constraint_lines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.!+-]*", line)] == []
    names = [canonicalize_name(line.partition("==")[0]) for line in lines]
    assert len(set(names)) == len(names)


def test_all_that_is_needed_at_run_time_is_pinned() -> None:
    """A user's installation is the tested one: every dependency, direct or not, has its version in constraints.txt."""
    closure = runtime_closure()
    assert {"numpy", "duckdb", "aiohttp", "textual", "onnxruntime", "evidently", "pandas"} <= set(closure)
    for text in project("pyproject.toml")["project"]["dependencies"]:
        requirement = Requirement(text)
        if requirement.name not in OWN:
            assert SpecifierSet(str(requirement.specifier)).contains(closure[canonicalize_name(requirement.name)])


def test_every_dependency_has_arm64_wheels(tmp_path: Path) -> None:
    """Raspberry Pi and Jetson compile nothing: each pinned version is a wheel for arm64, or pure Python."""
    asked = {name: pin for name, pin in runtime_closure().items() if not installed_for_any_machine(name, pin)}
    assert {"numpy", "duckdb", "onnxruntime", "scipy"} <= set(asked)
    report = tmp_path / "report.json"
    done = pip(
        "install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet", "--only-binary=:all:",
        "--python-version", "3.11", "--implementation", "cp", "--target", str(tmp_path / "unused"),
        *(option for tag in ARM64 for option in ("--platform", tag)),
        "--report", str(report), *(f"{name}=={version}" for name, version in asked.items()),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    chosen = {
        canonicalize_name(item["metadata"]["name"]): Path(urllib.parse.urlsplit(item["download_info"]["url"]).path).name
        for item in json.loads(report.read_text(encoding="utf-8"))["install"]
    }
    assert set(chosen) == set(asked)
    tags = {name: wheel.removesuffix(".whl").rpartition("-")[2] for name, wheel in chosen.items()}
    assert {name: tag for name, tag in tags.items() if tag != "any" and not tag.endswith("_aarch64")} == {}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, zipfile.Path]:
    """Build both distributions from a copy of the tree, as a user's pip would."""
    tree, out = tmp_path_factory.mktemp("tree") / "driftline", tmp_path_factory.mktemp("wheels")
    skipped = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist")
    shutil.copytree(ROOT, tree, ignore=skipped)
    done = pip("wheel", "--no-deps", "--quiet", "--wheel-dir", str(out), str(tree), str(tree / "probe"))
    assert done.returncode == 0, done.stderr
    return {path.name.partition("-")[0]: zipfile.Path(path) for path in out.glob("*.whl")}


def files(wheel: zipfile.Path) -> set[str]:
    """Return the names of all files in a wheel."""
    return set(wheel.root.namelist())


def test_the_probe_wheel_brings_one_name_into_a_service(wheels: dict[str, zipfile.Path]) -> None:
    """Its only top-level package is `driftline`, typed, with its licence; no generic name comes with it."""
    names = files(wheels["driftline_probe"])
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"driftline"}
    assert tops & GENERIC == set()
    sources = {f"driftline/{path.name}" for path in (ROOT / "probe" / "driftline").glob("*.py")}
    assert sources | {"driftline/py.typed"} <= names
    assert any(name.endswith("/LICENSE") for name in names)
    assert "Requires-Dist" not in metadata(wheels["driftline_probe"])


def test_the_application_wheel_holds_what_it_needs(wheels: dict[str, zipfile.Path]) -> None:
    """Every module, the demo's data and model, the dashboard's styles and the licence; no tests, no second probe."""
    names = files(wheels["driftline"])
    packages = ("agent", "collectors", "detectors", "exporters", "tui", "examples")
    needed = {
        str(path.relative_to(ROOT))
        for package in packages
        for path in (ROOT / package).rglob("*")
        if path.suffix in {".py", ".tcss", ".npz", ".onnx", ".txt"} and "__pycache__" not in path.parts
    }
    assert needed - names == set()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == set(packages)
    assert any(name.endswith("/LICENSE") for name in names)
    assert "driftline = agent.cli:main" in text(wheels["driftline"], "entry_points.txt")


def test_the_application_asks_for_its_own_probe(wheels: dict[str, zipfile.Path]) -> None:
    """Both distributions carry one version, so that ring and reader never differ by accident."""
    headers = message_from_string(metadata(wheels["driftline"]))
    assert f"driftline-probe=={headers['Version']}" in headers.get_all("Requires-Dist", [])
    assert message_from_string(metadata(wheels["driftline_probe"]))["Version"] == headers["Version"]


def metadata(wheel: zipfile.Path) -> str:
    """Return the METADATA of a wheel."""
    return text(wheel, "METADATA")


def text(wheel: zipfile.Path, name: str) -> str:
    """Return a file of the wheel's dist-info."""
    (found,) = (entry for entry in files(wheel) if entry.endswith(f".dist-info/{name}"))
    return wheel.root.read(found).decode()


def test_the_commands_that_are_shown_exist() -> None:
    """`make demo`, `make test`, `make check` and `make bench` are there, and CI runs `make test`."""
    make = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {"demo", "test", "check", "bench"} <= set(re.findall(r"^(\w+):", make, flags=re.MULTILINE))
    script = ROOT / ".ci" / "run"
    assert "make test" in script.read_text(encoding="utf-8").splitlines()
    assert os.access(script, os.X_OK)
