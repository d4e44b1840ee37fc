import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("agent", "collectors", "detectors", "exporters", "tui")


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter over a tree by the contracts in its pyproject.toml, whatever is installed elsewhere."""
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]; from importlinter.cli import lint_imports; "
        "sys.exit(lint_imports(is_debug_mode=False, cache_dir=None))"
    )
    return subprocess.run(
        [sys.executable, "-P", "-c", code, str(tree), str(tree / "probe")],
        cwd=tree, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what the contracts speak of."""
    copy = tmp_path_factory.mktemp("tree")
    ignore = shutil.ignore_patterns("__pycache__")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=ignore)
    shutil.copytree(ROOT / "probe" / "driftline", copy / "probe" / "driftline", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def test_imports_point_down() -> None:
    """The tree keeps every contract."""
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("where", "planted", "contract"),
    [
        ("detectors/__init__.py", "import collectors", "parts stand between"),
        ("collectors/__init__.py", "import agent.buffer", "parts stand between"),
        ("exporters/naming.py", "import agent.wiring", "parts stand between"),
        ("agent/model.py", "import agent.pipeline", "inside the agent"),
        ("agent/ports.py", "import agent.buffer", "inside the agent"),
        ("agent/pipeline.py", "def late():\n    import detectors", "parts stand between"),
        ("agent/stray.py", "", "inside the agent"),
        ("tui/__init__.py", "import numpy", "the dashboard needs no numpy"),
        ("detectors/__init__.py", "def late():\n    import river.drift", "nothing resident loads"),
        ("exporters/report/page.py", "def late():\n    import pandas", "nothing resident loads"),
        ("exporters/report/config.py", "import exporters.report.opinion", "Evidently stays in the process"),
        ("agent/wiring.py", "def late():\n    import exporters.report.child", "Evidently stays in the process"),
        ("probe/driftline/wire.py", "import agent.model", "the probe brings nothing"),
        ("probe/driftline/wire.py", "import numpy", "the probe brings nothing"),
    ],
)
def test_a_planted_import_breaks_its_contract(tree: Path, where: str, planted: str, contract: str) -> None:
    """An import that points up, sideways or to what is too heavy is found, and the broken contract is named."""
    path = tree / where
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text(f"{before or ''}\n{planted}\n", encoding="utf-8")
    try:
        done = lint(tree)
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before, encoding="utf-8")
    report = " ".join(done.stdout.split())
    broken = report.partition("Broken contracts")[2]
    assert done.returncode == 1, done.stdout + done.stderr
    assert contract in broken, report


def test_the_probe_needs_the_standard_library_alone() -> None:
    """No import in the probe, however deep in a function, names anything that a plain Python lacks."""
    foreign = {}
    for path in (ROOT / "probe" / "driftline").rglob("*.py"):
        names = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add((node.module or "").partition(".")[0])
        if names - sys.stdlib_module_names - {"driftline"}:
            foreign[path.name] = names - sys.stdlib_module_names - {"driftline"}
    assert foreign == {}


@pytest.mark.parametrize("module", ["tui.app", "agent.client", "agent.commands.status"])
def test_asking_the_agent_loads_nothing_heavy(module: str) -> None:
    """What a technician types over a slow connection does not wait for numpy, DuckDB or aiohttp to load."""
    code = f"import sys, {module}; print(sorted({{'numpy', 'duckdb', 'aiohttp', 'scipy'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
