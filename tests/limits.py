"""What a machine may refuse, brought about for real in the test's own process."""

from __future__ import annotations

import ctypes
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CAPABILITIES_OF_3 = 0x20080522
_FILES_OF_OTHERS = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: what lets root read and write what nobody may."""


@contextmanager
def no_more_files() -> Iterator[int]:
    """Opening another file answers EMFILE; the limit."""
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    with _limit(resource.RLIMIT_NOFILE, lowest):
        yield lowest


@contextmanager
def small_files(largest: int) -> Iterator[None]:
    """Writing past this many bytes of a file answers EFBIG."""
    with _limit(resource.RLIMIT_FSIZE, largest):
        yield


@contextmanager
def refused(path: Path) -> Iterator[None]:
    """A file or folder may not be written, not by root either; proves that it may not."""
    mode = path.stat().st_mode
    path.chmod(mode & ~0o222)
    try:
        with _as_anybody():
            attempt = path / "attempt" if path.is_dir() else path
            with suppress(PermissionError), attempt.open("ab"):
                raise AssertionError(f"{path} can be written though it may not")
            yield
    finally:
        path.chmod(mode)


@contextmanager
def hidden(path: Path) -> Iterator[None]:
    """A file or folder may not be read or looked into, not by root either; proves that it may not."""
    mode = path.stat().st_mode
    path.chmod(0)
    try:
        with _as_anybody():
            with suppress(PermissionError):
                next(path.iterdir(), None) if path.is_dir() else path.read_bytes()
                raise AssertionError(f"{path} can be read though it may not")
            yield
    finally:
        path.chmod(mode)


@contextmanager
def _limit(which: int, soft: int) -> Iterator[None]:
    before, hard = resource.getrlimit(which)
    resource.setrlimit(which, (soft, hard))
    try:
        yield
    finally:
        resource.setrlimit(which, (before, hard))


@contextmanager
def _as_anybody() -> Iterator[None]:
    """Without root's right to files of any mode; who is not root has none to give up."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, data = (ctypes.c_uint32 * 2)(_CAPABILITIES_OF_3, 0), (ctypes.c_uint32 * 6)()
    if os.geteuid() or libc.capget(header, data):
        yield
        return
    before = data[0]
    data[0] = before & ~_FILES_OF_OTHERS  # of the effective ones; the permitted ones bring them back
    libc.capset(header, data)
    try:
        yield
    finally:
        data[0] = before
        libc.capset(header, data)
