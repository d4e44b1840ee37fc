from __future__ import annotations

import hashlib
import importlib
import mmap
import os
import random
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import driftline
import numpy as np
import pytest
from driftline import registry

from tests.probe import models

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.probe.conftest import Rings

STEPS: list[tuple[Any, str]] = [
    (os, "open"),
    (os, "fstat"),
    (os, "posix_fallocate"),
    (os, "ftruncate"),
    (os, "link"),
    (os, "unlink"),
    (os, "fchmod"),
    (os, "mkdir"),
    (os, "access"),
    (os, "listdir"),
    (os, "stat"),
    (os, "getpid"),
    (os, "close"),
    (mmap, "mmap"),
    (hashlib, "sha256"),
    *[
        (importlib.import_module(f"driftline.{module}"), name)
        for module, name in (
            ("arrays", "mark"),
            ("arrays", "describe"),
            ("calls", "pairs"),
            ("calls", "one"),
            ("fast", "compiled"),
            ("identity", "start_ticks"),
            ("layout", "plan"),
            ("layout", "rows"),
            ("onnx_runs", "_inputs"),
            ("onnx_runs", "_outputs"),
            ("onnx_runs", "_is_sized"),
            ("onnx", "identity_of"),
            ("observed", "_said_by"),
            ("registry", "stream_for"),
            ("rundir", "open_run_directory"),
            ("shapes", "_rounded"),
            ("stream", "_plan"),
            ("stream", "sizes_for"),
            ("stream", "this_process"),
            ("sweep", "stem_of"),
            ("sweep", "remove_stale"),
        )
    ],
    *[
        (getattr(importlib.import_module(f"driftline.{module}"), cls), name)
        for module, cls, name in (
            ("ring", "Ring", "__init__"),
            ("ring", "Ring", "_reserve"),
            ("ring", "Ring", "_write_header"),
            ("ring", "Ring", "add_signature"),
            ("ring", "Ring", "advance"),
            ("ring", "Ring", "store_dropped"),
            ("shapes", "Shapes", "bounded"),
            ("shapes", "Shapes", "index_of"),
            ("stream", "Stream", "__init__"),
            ("stream", "Stream", "_record"),
            ("stream", "Stream", "_plan_for"),
            ("stream", "Stream", "_make"),
            ("stream", "Stream", "_open"),
            ("stream", "Stream", "may_write"),
            ("stream", "Plan", "rest"),
        )
    ],
]


class Sometimes:
    """A step that fails now and then, by a seeded coin; `always` is the first call included."""

    def __init__(self, step: Callable[..., Any], error: Exception, seed: int, share: float) -> None:
        self._step, self._error, self._share = step, error, share
        self._coin = random.Random(seed)
        self.failures = 0

    def __get__(self, instance: Any, owner: Any) -> Any:
        """Bind like a function, so that methods can be replaced too."""
        return self if instance is None else lambda *args, **kwargs: self(instance, *args, **kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Do the step, or fail."""
        if self._coin.random() < self._share:
            self.failures += 1
            raise self._error
        return self._step(*args, **kwargs)


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _serve() -> None:
    """Use everything that a service may use; each call must answer."""
    answer = np.ones((1, 10), np.float32)
    session = driftline.watch(models.Fake(answer), model="session")
    double = driftline.watch(models.double, model="function")
    for _ in range(250):  # more than the first piece of the ring holds
        session.run(None, {"x": models.image()})
    for number in range(1, 20):
        for given in (models.image(), np.zeros((number, 1, 8, 8), np.float32)):
            (result,) = session.run(None, {"x": given})
            assert result is answer
        assert double(number) == number * 2
        driftline.observe("observed", {"a": 1.0, str(number % 3): 2.0}, prediction=number)


@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize("error", [OSError(28, "No space left"), ValueError("planted"), MemoryError()], ids=repr)
@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[f"{owner.__name__}.{name}" for owner, name in STEPS])
def test_a_failing_step_never_reaches_the_service(
    rings: Rings, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, error: Exception, share: float
) -> None:
    """Whatever step inside the probe fails, always or now and then, calls answer, with few warnings."""
    descriptors = _open_files()
    with monkeypatch.context() as patch, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        step = Sometimes(getattr(owner, name), error, 1, share)
        patch.setattr(owner, name, step)
        _serve()
    assert len(warned) <= 4, [str(warning.message) for warning in warned]
    if name != "close":
        registry._streams.clear()
        error.with_traceback(None).__context__ = None  # its frames hold what they were working on
        assert _open_files() <= descriptors + 2 * len(rings.paths())


def test_every_step_is_one_that_the_probe_takes(rings: Rings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps above are all taken, so that planting a failure in one of them tests something."""
    unused = {"store_dropped", "sha256"}  # nothing fails, and the model has no file
    taken: list[str] = []
    for owner, name in STEPS:
        monkeypatch.setattr(registry, "_streams", {})
        monkeypatch.setattr(importlib.import_module("driftline.observed"), "_known", {})
        with monkeypatch.context() as patch:
            step = Sometimes(getattr(owner, name), ValueError("planted"), 1, 0.0)
            step._step = _counted(step._step, taken, name)
            patch.setattr(owner, name, step)
            _serve()
    missing = {name for _, name in STEPS} - set(taken) - unused
    assert missing == set()
    assert len(rings.paths()) > 3


def _counted(step: Callable[..., Any], taken: list[str], name: str) -> Callable[..., Any]:
    def counted(*args: Any, **kwargs: Any) -> Any:
        taken.append(name)
        return step(*args, **kwargs)

    return counted


def test_warnings_made_errors_do_not_reach_the_service(rings: Rings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that runs with -W error is not hurt by the probe's one warning."""
    monkeypatch.setenv("DRIFTLINE_RUN", str(rings.directory / "missing" / "deep"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert driftline.watch(models.same, model="m")(1.0) == 1.0
        driftline.observe("m", {"a": 1.0})
