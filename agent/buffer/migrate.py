"""Brings `core.duckdb` from the schema version of before to this one: by a copy that is migrated and renamed over it.

Until the rename the old file is whole and untouched, after it the new one is; a crash between leaves a temporary, which
the next start removes. The old file stays under `quarantine/` until the next start that finds the new one in order.
Segments are not migrated: they are read as they are, take no more rows, and go when their time comes.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

import duckdb

from agent.buffer import schema
from agent.buffer.engine import is_passing
from agent.buffer.errors import CorruptError, UnavailableError
from agent.buffer.folders import length_of, make_folder, sync_folder, wal_of
from agent.buffer.quarantine import FOLDER
from agent.buffer.tables import prepare_tables

if TYPE_CHECKING:
    from pathlib import Path

    from agent.buffer.engine import Engine


def prepare_core(engine: Engine, path: Path | None) -> str:
    """Make what is missing in the attached core, and bring one of before to this version; say so where that was done.

    Raises as `migrate_core`, SchemaTooNewError.
    """
    newest = schema.CORE_VERSION
    version, _ = prepare_tables(engine, schema.CORE, schema.CORE_TABLES, path, newest=newest)
    return migrate_core(engine, path, version) if path and version < newest else ""


def migrate_core(engine: Engine, path: Path, version: int) -> str:
    """Migrate the attached core at `path`, which has `version`, and attach it again; say what was done.

    Raises
    ------
    UnavailableError
        There is no room for a copy, or it cannot be written; the core is left as it was.
    CorruptError
        The core cannot be migrated.
    """
    copy = path.with_name(path.name + ".tmp")
    try:
        engine.run(schema.checkpoint(schema.CORE))
        engine.run(schema.detach(schema.CORE))
        _take_steps(engine, path, copy, version)
        _keep(path, _old(path, version))
        copy.replace(path)
        sync_folder(path.parent)
        engine.run(schema.attach(str(path), schema.CORE))
    except (duckdb.Error, OSError) as error:
        _clean_up(engine, copy)
        if isinstance(error, OSError) or is_passing(error):
            why = f"{path.name} cannot be brought to format {schema.CORE_VERSION} now: {error}"
            raise UnavailableError(why) from error
        raise CorruptError(str(error)) from error
    return f"{path.name} was brought from format {version} to {schema.CORE_VERSION}"


def forget_old_cores(path: Path) -> None:
    """Let go of what a migration kept, now that a later start found the core at `path` in order."""
    for version in range(1, schema.CORE_VERSION):
        with suppress(OSError):  # a copy too many does no harm
            _old(path, version).unlink(missing_ok=True)


def _take_steps(engine: Engine, path: Path, copy: Path, version: int) -> None:
    shutil.copyfile(path, copy)
    copy.chmod(0o640)
    engine.run(schema.attach(str(copy), schema.CORE))
    engine.begin()
    for step in range(version, schema.CORE_VERSION):
        for sql in schema.CORE_STEPS[step]:
            engine.run(sql.format(db=schema.CORE))
    engine.run(schema.WRITE_VERSION.format(db=schema.CORE), [str(schema.CORE_VERSION)])
    engine.commit()
    engine.run(schema.checkpoint(schema.CORE))
    engine.run(schema.detach(schema.CORE))
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    for log in (wal_of(path), wal_of(copy)):
        # A log that is left would be taken for the other file's.
        if length_of(log):
            raise OSError(f"{log.name} could not be folded in")
        log.unlink(missing_ok=True)


def _keep(path: Path, place: Path) -> None:
    """Give the old file a second name, or a copy where a file system knows no second names."""
    make_folder(place.parent)
    place.unlink(missing_ok=True)
    try:
        os.link(path, place)
    except OSError:
        shutil.copy2(path, place)
    sync_folder(place.parent)


def _old(path: Path, version: int) -> Path:
    return path.parent / FOLDER / f"{path.stem}.v{version}{path.suffix}"


def _clean_up(engine: Engine, copy: Path) -> None:
    engine.rollback()
    with suppress(duckdb.Error):
        engine.run(schema.detach(schema.CORE))
    for part in (copy, wal_of(copy)):
        with suppress(OSError):
            part.unlink(missing_ok=True)
