"""What this machine refuses, found in the errors of any library: no room, no rights, too many files, a bad database."""

from __future__ import annotations

import errno
import os
import re
import resource
import shutil
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

from lakehouse.databases import database_fault, database_named, number_behind, retold
from lakehouse.exceptions import (
    ConfigurationError,
    DiskFull,
    LakehouseError,
    MachineFault,
    NotWritable,
    TooManyOpenFiles,
)
from lakehouse.files import may_be_written, nearest_folder

if TYPE_CHECKING:
    from lakehouse.settings import Settings

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FILES = {errno.EMFILE, errno.ENFILE}
_RIGHTS = {errno.EACCES, errno.EPERM, errno.EROFS}

_SPILL = r"failed to offload data block|max_temp_directory_size"
_SAID: dict[int, re.Pattern[str]] = {
    **{number: re.compile(re.escape(os.strerror(number)), re.IGNORECASE) for number in (*_FULL, *_FILES, *_RIGHTS)},
    errno.ENOSPC: re.compile(rf"{re.escape(os.strerror(errno.ENOSPC))}|{_SPILL}", re.IGNORECASE),
}
"""How engines tell in words what the system told them by number."""

_PATH = re.compile(r"""["'](/[^"']+)["']""")

OPEN_FILES = 4096
"""Files that a process may have open: many times what any command needs."""


@dataclass(frozen=True)
class Place:
    """A folder of this machine, and the variable that names it."""

    variable: str
    folder: Path


def places(settings: Settings) -> tuple[Place, ...]:
    """Where a command writes."""
    known = (Place("LAKEHOUSE_HOME", settings.home), Place("DAGSTER_HOME", settings.dagster_home))
    try:
        return (*known, Place("TMPDIR", Path(gettempdir())))
    except OSError:  # none can be written
        return known


def machine_errors() -> tuple[type[Exception], ...]:
    """Errors that may be this machine's fault: ours, the system's and databases'; SQLAlchemy's if it is loaded."""
    sqlalchemy = sys.modules.get("sqlalchemy.exc")
    return (LakehouseError, OSError, sqlite3.Error, *((sqlalchemy.SQLAlchemyError,) if sqlalchemy else ()))


def machine_fault(error: BaseException, where: Sequence[Place]) -> MachineFault | None:
    """What this machine refused, if that is what an error comes from; ``where`` are the folders that it may be about.

    An error that is in words already may stand for too many open files or a full disk; of rights it knows more itself.
    """
    chain = tuple(_chain(error))
    known = next((each for each in chain if isinstance(each, MachineFault)), None)
    return known or _no_temporary_folder(error) or _fault(chain, where)


def machine_fault_told(messages: Iterable[str]) -> MachineFault | None:
    """The same of an error and its causes of which only the words are left."""
    return _fault([retold(message) for message in messages], ())


def _fault(chain: Sequence[BaseException], where: Sequence[Place]) -> MachineFault | None:
    database = next(filter(None, map(database_named, chain)), None)
    path = next(filter(None, map(_path_of, chain)), database)
    for numbers, in_words in ((_FILES, _too_many_files), (_FULL, _disk_full), (_RIGHTS, _not_writable)):
        if numbers is _RIGHTS and isinstance(chain[0], LakehouseError):
            return None
        for each in chain:
            number = _number(each, database)
            if number in numbers:
                return in_words(number, path, where)
    dagster_home = next((place.folder for place in where if place.variable == "DAGSTER_HOME"), None)
    return next(filter(None, (database_fault(each, database, dagster_home) for each in chain)), None)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it comes from, whether or not whoever raised it wanted that to be shown."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _number(error: BaseException, database: Path | None) -> int | None:
    """What the system answered, if an error tells; the words of ours may quote a source."""
    if isinstance(error, LakehouseError):
        return None
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    text = str(error)
    said = next((number for number, words in _SAID.items() if words.search(text)), None)
    return said or number_behind(error, database)


def _path_of(error: BaseException) -> Path | None:
    if isinstance(error, OSError) and isinstance(error.filename, str):
        return Path(error.filename)
    quoted = None if isinstance(error, LakehouseError) else _PATH.search(str(error))
    return Path(quoted[1]) if quoted else None


def _too_many_files(number: int, _: Path | None, __: Sequence[Place]) -> MachineFault:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if number == errno.ENFILE:
        return TooManyOpenFiles(
            f"{os.strerror(number)}: all processes of this machine have as many open as they may",
            "end some of them, and run it again",
        )
    wanted = max(OPEN_FILES, 4 * soft)
    beyond = f" (beyond {hard:,} only an administrator can raise it)" if wanted > hard != resource.RLIM_INFINITY else ""
    return TooManyOpenFiles(
        f"{os.strerror(number)}: a process may have {soft:,} open (ulimit -n)",
        f"say ulimit -n {wanted}{beyond}, and run it again",
    )


def _disk_full(number: int, path: Path | None, where: Sequence[Place]) -> MachineFault:
    said = os.strerror(number)
    if number == errno.EFBIG:
        largest = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
        limit = f"a file may have {size(largest)} at most (ulimit -f)" if largest >= 0 else "the file system says so"
        return DiskFull(
            f"{said}: {path or 'a file'}: {limit}", "say ulimit -f unlimited, or use another disk, and run it again"
        )
    place = _place_of(path, where) or min(where, key=lambda each: _free(each.folder), default=None)
    at = path or (place.folder if place else None)
    if at is None:
        return DiskFull(said, "make room, and run it again")
    folder = nearest_folder(at)
    usage, files = shutil.disk_usage(folder), os.statvfs(folder)
    named = f"{place.variable}={place.folder}" if place else str(folder)
    room = f"{size(usage.free)} of {size(usage.total)} are free now on the disk of {named}"
    if files.f_files and not files.f_favail:
        room = f"the disk of {named} holds as many files as it can"
    whose = " within your quota" if number == errno.EDQUOT else ""
    return DiskFull(f"{said}: {at} ({room})", f"make room there{whose}, and run it again")


def _not_writable(number: int, path: Path | None, where: Sequence[Place]) -> MachineFault:
    place = _place_of(path, where)
    which = f" ({place.variable}={place.folder})" if place else ""
    return NotWritable(
        f"{os.strerror(number)}: {path or 'a file'}{which}",
        "make it readable and writable for whoever runs this, and run it again",
    )


def _no_temporary_folder(error: BaseException) -> MachineFault | None:
    """Python tells by no number why it may not write any of them."""
    said = error.strerror if isinstance(error, FileNotFoundError) else None
    if said is None or not said.startswith("No usable temporary directory"):
        return None
    return NotWritable(
        said, "make room in one of them, or set TMPDIR to a folder that can be written, and run it again"
    )


def _place_of(path: Path | None, where: Sequence[Place]) -> Place | None:
    around = [place for place in where if path is not None and path.is_relative_to(place.folder)]
    return max(around, key=lambda place: len(place.folder.parts), default=None)


def _free(folder: Path) -> int:
    return shutil.disk_usage(nearest_folder(folder)).free


def size(count: int) -> str:
    """A number of bytes for people."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} GB"


def require_writable(variable: str, folder: Path, names: Iterable[str]) -> None:
    """Find before anything runs what may not be written of a folder, or keeps it from being made.

    Raises:
        ConfigurationError: the folder, or something in it that is there, may not be written.
    """
    for path in (folder / name for name in names) if folder.exists() else (nearest_folder(folder),):
        if path.exists() and not may_be_written(path):
            raise ConfigurationError(
                f"{variable}={folder}: {path} cannot be written; make it writable for whoever runs this, or choose "
                "another folder"
            )


def require_writable_home(settings: Settings) -> None:
    """Find before anything runs that nothing could be landed or published.

    Raises:
        ConfigurationError: LAKEHOUSE_HOME, or a folder in it, may not be written.
    """
    require_writable("LAKEHOUSE_HOME", settings.home, (".", "catalog.db", "bronze", "staging", "warehouse"))


def raise_open_file_limit() -> None:
    """Let this process and those it starts have :data:`OPEN_FILES` open, as far as it may: shells give 256 or 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
