"""`driftline bundle`: carry what waits for destinations by hand; `driftline bundle send`: send it on from elsewhere."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from agent.commands.options import client, config_option, fail, run_option
from agent.commands.output import whole_file
from agent.outbound import FindingChange, Window
from agent.ports import AgentAwayError, AgentRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.frames import Verdict
    from agent.wiring import Config
    from exporters.bundle.file import Bundle
    from exporters.forwarding.config import DestinationConfig

SUFFIX = ".bundle"
FILE_MODE = 0o644  # it is made to be read by somebody else, on another machine
_NAMES = {Window: ("window", "windows"), FindingChange: ("change of a finding", "changes of findings")}


@click.group("bundle", invoke_without_command=True)
@click.option("--to", "place", metavar="FILE", help="The file to write, or a directory for it, such as a stick.")
@click.option("--again", is_flag=True, help="Begin where the last bundle did: it did not arrive.")
@click.option("--key", "show_key", is_flag=True, help="Print the fingerprint of the key that this device signs with.")
@run_option
@click.pass_context
def command(context: click.Context, place: str | None, again: bool, show_key: bool, run: str | None) -> None:  # noqa: FBT001  # click passes flags by name
    """Carry findings and summaries by hand from a device without a link.

    Writes what came since the last bundle into a signed file. Take it to a machine with a link, and send it on there
    with `driftline bundle send FILE`. Sending a bundle twice changes nothing.
    """
    if context.invoked_subcommand is not None:
        return
    try:
        if show_key:
            click.echo(client(run).bundle_key())
        elif place:
            _write(Path(place), run, again=again)
        else:
            raise click.UsageError("give --to FILE, or one of --key and send", context)
    except (AgentAwayError, AgentRefusedError) as error:
        fail(str(error))


@command.command("send")
@click.argument("file", metavar="FILE")
@click.option("--destination", "names", multiple=True, metavar="NAME", help="Only to this one; may be repeated.")
@click.option("--trust", default="", metavar="SHA256:...", help="The key of a device that is new here; see --key.")
@config_option
def send(file: str, names: tuple[str, ...], trust: str, config: str | None) -> None:
    """Send a bundle to the destinations of this machine's configuration.

    A bundle that was altered or cut off is refused as a whole, and so is one of a device whose key is not known here.
    """
    from agent.wiring import load_config  # noqa: PLC0415  # loads the whole agent
    from exporters.bundle.file import Bundle, BundleError  # noqa: PLC0415  # loads cryptography
    from exporters.bundle.trust import require_trust, trust_file  # noqa: PLC0415  # the same

    path, loaded = load_config(config)
    chosen = _destinations(loaded, names, path)
    try:
        bundle = Bundle(Path(file))
        if require_trust(bundle.header, trust_file(), trust):
            click.echo(f"from now on known here: {_device(bundle)}, by {trust}")
        click.echo(f"{_device(bundle)}, written {_time(bundle.header.made_ns)}: {_contents(bundle)}")
        left = [one for one in chosen if not _send(bundle, one)]
    except BundleError as error:
        fail(str(error))
    if left:
        fail("not all of it arrived: send it again later; what has arrived is not counted twice")


def _write(place: Path, run: str | None, *, again: bool) -> None:
    from exporters.bundle.file import Bundle, BundleError  # noqa: PLC0415  # loads cryptography
    from exporters.bundle.key import fingerprint  # noqa: PLC0415  # the same

    agent = client(run)
    if place.is_dir():
        place = _new_file(place, agent.status().agent.device)
    if place.exists():
        fail(f"{place} is there already; give another name, for it may not have been carried yet")
    try:
        with whole_file(place) as file:
            _take(agent.bundle(again=again), file)
        place.chmod(FILE_MODE)
        bundle = Bundle(place)  # as it can be read back
        said = _contents(bundle)
        agent.bundle_written(bundle.header.id, str(place))
    except _NothingError:
        click.echo("nothing has come since the last bundle; --again writes that one anew")
        return
    except BundleError as error:
        fail(f"{error}; the disk does not keep what is written to it")
    except OSError as error:
        fail(f"{place}: {error.strerror or error}")
    click.echo(f"{place}: {said}, {place.stat().st_size / 1e3:,.0f} kB")
    click.echo(f"signed by {fingerprint(bundle.header.key)}")
    click.echo(f"Eject the stick, carry it to a machine with a link, and there: driftline bundle send {place.name}")


class _NothingError(Exception):
    """There is nothing to carry."""


def _take(pieces: Iterator[bytes | Verdict], file: BinaryIO) -> None:
    """Write a bundle as it comes. Raises AgentRefusedError, _NothingError."""
    for piece in pieces:
        if isinstance(piece, bytes):
            file.write(piece)
        elif piece.error:
            raise AgentRefusedError(piece.error)
        elif not piece.rows:
            raise _NothingError


def _new_file(folder: Path, device: str) -> Path:
    """Name a file that is not there yet, by the device and the time."""
    from agent.clock import SystemClock  # noqa: PLC0415  # loads nothing that --help needs

    name = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in device)
    at = datetime.fromtimestamp(SystemClock().wall_ns() // 10**9, UTC)
    names = (f"{name}-{at:%Y%m%dT%H%M%SZ}{more}{SUFFIX}" for more in ("", *(f"-{count}" for count in range(2, 100))))
    return next((path for path in map(folder.joinpath, names) if not path.exists()), folder / name)


def _contents(bundle: Bundle) -> str:
    """Read all of it, and say what it is."""
    counts: Counter[type] = Counter()
    first = last = 0
    for parcels in bundle.batches():
        for parcel in parcels:
            counts[type(parcel.content)] += 1
            ended = parcel.content.end_ns
            first, last = min(first or ended, ended), max(last, ended)
    told = [f"{counts[kind]:,} {names[counts[kind] != 1]}" for kind, names in _NAMES.items() if counts[kind]]
    said = " and ".join(told) or "readings of the device"
    span = _time(last) if _time(first) == _time(last) else f"{_time(first)} to {_time(last)}"
    return f"{said}, {span}" if counts else "nothing"


def _destinations(config: Config, names: tuple[str, ...], path: Path | None) -> list[DestinationConfig]:
    known = {one.name: one for one in config.destination}
    if not known:
        fail(f"{path or 'the configuration'} has no [[destination]]; give another with --config")
    if unknown := [name for name in names if name not in known]:
        fail(f"no destination is called {unknown[0]}; there are: {', '.join(known)}")
    return [known[name] for name in names or known]


def _send(bundle: Bundle, destination: DestinationConfig) -> bool:
    """Send to one destination, and say how it went; False where it is to be tried again."""
    import asyncio  # noqa: PLC0415  # only this needs it

    from exporters.bundle.sending import send_bundle  # noqa: PLC0415  # the same
    from exporters.forwarding.kinds import EXPORTERS  # noqa: PLC0415  # the same

    done = asyncio.run(send_bundle(bundle, destination, EXPORTERS[destination.kind], asyncio.sleep))
    click.echo(f"{destination.name}: {done.accepted:,} arrived")
    for reason, count in done.rejected.most_common():
        click.echo(f"{destination.name}: {count:,} refused: {reason}")
    if done.trouble:
        click.echo(f"{destination.name}: given up: {done.trouble}")
    return not done.trouble


def _device(bundle: Bundle) -> str:
    origin = bundle.header.origin
    return f"{origin.device} at {origin.site}" if origin.site else origin.device


def _time(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // 10**9, UTC):%Y-%m-%d %H:%M} UTC"
