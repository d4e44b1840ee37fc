from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from driftline import identity

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_this_process_has_not_ended() -> None:
    """A process is alive to itself."""
    here = identity.this_process()
    assert here.pid == os.getpid()
    assert here.start_ticks > 0
    assert len(here.boot_id) == 16
    assert not identity.has_ended(here, here)


def test_a_reused_pid_is_another_process() -> None:
    """Same pid, other start: the one that is named has ended."""
    here = identity.this_process()
    assert identity.has_ended(here._replace(start_ticks=here.start_ticks - 1), here)


def test_another_boot_has_ended_and_another_namespace_is_unknown() -> None:
    """Nothing survives a boot; what another container runs cannot be seen from here."""
    here = identity.this_process()
    assert identity.has_ended(here._replace(boot_id=bytes(16)), here)
    assert not identity.has_ended(here._replace(pid_namespace=1, start_ticks=0), here)


def test_a_child_that_is_gone_has_ended() -> None:
    """A process that was reaped has ended."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    here = identity.this_process()
    process = here._replace(pid=child.pid, start_ticks=identity.start_ticks(child.pid))
    assert not identity.has_ended(process, here)
    child.communicate(b"\n")
    assert identity.has_ended(process, here)


def test_large_file_is_hashed_by_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit the hash is of the size and of evenly spaced blocks, as documented, and says so."""
    monkeypatch.setattr(identity, "WHOLE_LIMIT", 1000)
    monkeypatch.setattr(identity, "BLOCK", 10)
    content = bytes(range(256)) * 20
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    expected = hashlib.sha256(str(len(content)).encode())
    for index in range(64):
        at = (len(content) - 10) * index // 63
        expected.update(content[at : at + 10])
    assert identity.digest_of_file(str(path)) == (expected.hexdigest(), "sample")
    path.write_bytes(content[:1000])
    assert identity.digest_of_file(str(path)) == (hashlib.sha256(content[:1000]).hexdigest(), "file")
