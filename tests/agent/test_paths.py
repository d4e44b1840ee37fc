from __future__ import annotations

from pathlib import Path

import pytest

from agent.paths import PathError, claim_run_directories, state_directory


def test_the_run_directory_is_made_for_its_user_alone(tmp_path: Path) -> None:
    """A directory that was not there is made, mode 0700."""
    (made,) = claim_run_directories(str(tmp_path / "a" / "run"))
    assert made.stat().st_mode & 0o7777 == 0o700


def test_the_first_usable_directory_is_claimed_and_all_are_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rings of services that chose another directory are found too."""
    monkeypatch.delenv("DRIFTLINE_RUN", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert tmp_path / "driftline" in claim_run_directories(None)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.symlink_to("/tmp"), "it is a symbolic link"),
        (lambda path: path.touch(), "it is not a directory"),
        (lambda path: (path.mkdir(), path.chmod(0o777)), "anyone may write to it; chmod o-w"),
    ],
)
def test_a_place_that_somebody_else_may_have_laid_out_is_refused(tmp_path: Path, make, reason: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001  # a one-line setup
    """The refusal names the directory and the reason."""
    path = tmp_path / "run"
    make(path)
    with pytest.raises(PathError, match=f"{path}: {reason}"):
        claim_run_directories(str(path))


def test_state_that_is_named_is_taken(tmp_path: Path) -> None:
    """--state decides."""
    assert state_directory(str(tmp_path)) == tmp_path


def test_the_users_state_directory_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without rights on /var/lib/driftline the state is the user's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("agent.paths.os.geteuid", lambda: 1000)
    monkeypatch.setattr("agent.paths.SYSTEM_STATE", Path("/nonexistent"))
    assert state_directory(None) == tmp_path / "driftline"
