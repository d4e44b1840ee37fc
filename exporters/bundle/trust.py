"""Which keys are known for devices, on the machine that sends bundles on: as `known_hosts` is for SSH.

A text file with a line for each device: the random name of its state directory, the fingerprint of its key, and, for
people, its site and name.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from exporters.bundle.file import BundleError
from exporters.bundle.key import fingerprint

if TYPE_CHECKING:
    from exporters.bundle.file import Header

_PARTS = 2


def trust_file() -> Path:
    """Return where the keys are kept: `driftline/known_devices` below the user's configuration."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".config") / "driftline" / "known_devices"


def require_trust(header: Header, path: Path, said: str) -> bool:
    """Return whether a key is new here and was vouched for by `said`, its fingerprint, and remember it then.

    Raises BundleError for a key that is unknown, or not the one that is known of this device.
    """
    shown, device = fingerprint(header.key), header.origin.instance
    known = _known(path)
    if known.get(device) == shown:
        return False
    name = f"{header.origin.device} at {header.origin.site or 'no site'}"
    if said == shown and device not in known:
        _remember(path, f"{device} {shown} {header.origin.site} {header.origin.device}")
        return True
    if device in known:
        raise BundleError(
            f"the key of {name} is not the one that is known: {shown} instead of {known[device]}. Somebody else may "
            f"have written this bundle. If the device was set up anew, remove its line from {path}"
        )
    if said:
        raise BundleError(f"the bundle is signed by {shown}, not by {said}: it is not from the device that you mean")
    raise BundleError(
        f"it says that it is of {name}, signed by {shown}, which is not known here. Compare that with what "
        f"`driftline bundle --key` prints on the device; if it is the same, add: --trust {shown}"
    )


def _known(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{path}: {error}") from error
    parts = (line.split() for line in lines if line.strip() and not line.startswith("#"))
    return {found[0]: found[1] for found in parts if len(found) >= _PARTS}


def _remember(path: Path, line: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(" ".join(line.split()) + "\n")
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}") from error
