"""When sources were seen to serve what they serve: times in the order of the observations, whatever the clock does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lakehouse.files import make_folder, take_lock

_FORMAT = "%Y-%m-%dT%H:%M:%S.%f+00:00"
_BYTES = len("2024-01-01T00:00:00.000000+00:00")
_SMALLEST = timedelta(microseconds=1)


def next_observation(file: Path, recorded: datetime | None) -> datetime:
    """Now, or where the clock says no more than at the observation before, a little later than that.

    ``file`` remembers the one that was given last, and is locked meanwhile; ``recorded`` is the newest of which there
    is a record.
    """
    with _locked(file) as held:
        given = after(read_observation(os.pread(held, _BYTES, 0)), recorded)
        os.pwrite(held, write_observation(given).encode(), 0)
        return given


def after(*observations: datetime | None) -> datetime:
    """Now, or where the clock says no more than at the latest of these, a little later than that."""
    before = max((each for each in observations if each is not None), default=None)
    now = _now()
    return now if before is None or now > before else before + _SMALLEST


def write_observation(observed: datetime) -> str:
    """What remembers an observation: as long as any other."""
    return observed.strftime(_FORMAT)


def read_observation(text: bytes) -> datetime | None:
    """The observation that is remembered; None of a text that is new, or damaged: then records tell enough."""
    try:
        return datetime.fromisoformat(text.decode()).astimezone(UTC)
    except ValueError:
        return None


def has_passed(since: datetime, span: timedelta, now: datetime) -> bool:
    """Whether it is so long ago; a time as far ahead is of a clock that was wrong, and could be any."""
    return abs(now - since) >= span


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def _locked(file: Path) -> Iterator[int]:
    """A file that no other process has meanwhile; the system gives the lock back for whoever is killed."""
    make_folder(file.parent)
    held = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        take_lock(held, wait=True)
        yield held
    finally:
        os.close(held)
