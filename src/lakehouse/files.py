"""Files on this machine: what identifies their content, how they are addressed, locked, and outlive a power failure."""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path

_SCHEME = "file://"


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_uri(path: Path) -> str:
    """The address of an absolute path, nothing quoted: readers of table metadata do not unquote.

    Settings refuse the characters in a home that would need it.
    """
    return f"{_SCHEME}{path}"


def path_of(uri: str) -> Path:
    """The path that a :func:`file_uri` addresses."""
    return Path(uri.removeprefix(_SCHEME))


def readable(uri: str) -> str:
    """An address as a person on this machine would write it: a path if it is one."""
    return uri.removeprefix(_SCHEME)


def nearest_folder(path: Path) -> Path:
    """The folder that is there and holds a path, or would if its folders were made."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def may_be_written(path: Path) -> bool:
    """Whether a file or folder that is there may be read and written by whoever runs this."""
    return os.access(path, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing; their names survive a power failure."""
    above = [each.parent for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in above:
        make_durable(each)


def move_durably(file: Path, place: Path) -> None:
    """Give a file on the same disk its place, whole or not at all; what is there survives a power failure."""
    make_folder(place.parent)
    make_durable(file)
    file.replace(place)
    make_durable(place.parent)


def make_durable(path: Path) -> None:
    """Wait until a file, or the names in a folder, would survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def take_lock(descriptor: int, *, shared: bool = False, wait: bool = False) -> bool:
    """Take the lock of an open file, which goes with the process; False if another has it, unless it is waited for."""
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
